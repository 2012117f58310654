/// Runs a replay and returns the exit status.
func runReplay(_ options: ReplayOptions) -> Int32 {
  complain("mos: replay: there is no engine yet\n")
  return 3
}
