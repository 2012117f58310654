import MOSCore

extension RecordText {
  /// Appends nanoseconds as seconds with `decimals` decimals, six or nine; what is finer is cut off.
  public mutating func append(seconds nanoseconds: Int64, decimals: Int = 6) {
    write(atMost: 21) { $0.append(seconds: nanoseconds, decimals: decimals) }
  }

  /// Appends a number of thousandths as a decimal number with three decimals.
  mutating func append(thousandths value: UInt64) {
    append(decimal: value / 1000)
    append(UInt8(ascii: "."))
    append(decimal: value % 1000, digits: 3)
  }

  /// Appends a time stamp as seconds since 1970 with six decimals, or nine when it is not a whole number of
  /// microseconds.
  public mutating func append(timestamp: Timestamp) {
    append(seconds: timestamp.nanoseconds, decimals: timestamp.nanoseconds % 1000 == 0 ? 6 : 9)
  }

  /// Appends a time stamp as Suricata does: `2024-02-29T12:34:56.123456+0000`, UTC.
  public mutating func append(iso8601 timestamp: Timestamp) {
    let time = CivilTime(timestamp)
    append(civil: time, separators: "--T::")
    append(UInt8(ascii: "."))
    append(decimal: time.nanosecond / 1000, digits: 6)
    append("+0000")
  }

  /// Appends a time stamp as Zeek has it in its logs' headers: `2024-02-29-12-34-56`, UTC.
  mutating func append(zeekTime timestamp: Timestamp) {
    append(civil: CivilTime(timestamp), separators: "-----")
  }

  /// Appends date and time to the second, with one of the five `separators` in front of each number but the year.
  private mutating func append(civil time: CivilTime, separators: StaticString) {
    let parts: InlineArray<5, UInt64> = [time.month, time.day, time.hour, time.minute, time.second]
    append(decimal: UInt64(truncatingIfNeeded: time.year), digits: 4)
    for index in parts.indices {
      append(separators.utf8Start[index])
      append(decimal: parts[index], digits: 2)
    }
  }
}

/// A time stamp's date and time of day in UTC, proleptic Gregorian calendar.
struct CivilTime: BitwiseCopyable {
  var year: Int64
  var month: UInt64
  var day: UInt64
  var hour: UInt64
  var minute: UInt64
  var second: UInt64
  var nanosecond: UInt64

  /// Years are counted from March within 400-year eras, so that the leap day comes last and needs no case.
  init(_ timestamp: Timestamp) {
    let nanosecondsPerDay: Int64 = 86_400_000_000_000
    var days = timestamp.nanoseconds / nanosecondsPerDay
    var time = timestamp.nanoseconds % nanosecondsPerDay
    if time < 0 {
      time += nanosecondsPerDay
      days -= 1
    }
    let sinceEra = days + 719_468
    let era = (sinceEra >= 0 ? sinceEra : sinceEra - 146_096) / 146_097
    let dayOfEra = sinceEra - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = UInt64(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    month = UInt64(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    nanosecond = UInt64(time % 1_000_000_000)
    let seconds = UInt64(time / 1_000_000_000)
    (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60)
  }
}
