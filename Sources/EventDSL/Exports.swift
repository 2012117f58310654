// What handlers name (states, sides, keys, reasons) comes along with `import EventDSL`.
@_exported import DualStackTracker
@_exported import MOSCore
@_exported import MTCP
