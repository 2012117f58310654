import MOSCore

/// A key of a client's segments to a server.
func clientKey(
  _ client: UInt32 = 0x0a00_0001, _ port: UInt16 = 40_000, to server: UInt32 = 0xc000_0201, _ serverPort: UInt16 = 80
)
  -> FlowKey
{
  FlowKey(
    source: IPAddress(v4: client), sourcePort: port, destination: IPAddress(v4: server), destinationPort: serverPort,
    protocolNumber: 6)
}

/// A time so many seconds from a beginning.
func seconds(_ count: Double) -> Timestamp {
  Timestamp(nanoseconds: 1_700_000_000_000_000_000).advanced(by: Int64(count * 1e9))
}
