#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// A reader of ours that goes away is an error of writing, not the end of the process.
signal(SIGPIPE, SIG_IGN)
exit(MOSCommand.run(Array(CommandLine.arguments.dropFirst())))
