import Foundation

/// The times of repeated steps, and what the process took.
struct BenchTimes {
    private var seconds: [Double] = []
    private var processorSeconds: [Double] = []

    /// Runs `body` and keeps its time.
    mutating func measure<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        let clock = ContinuousClock()
        let begin = clock.now
        let processorBegin = Self.processorTime
        let result = try await body()
        let spent = begin.duration(to: clock.now).components
        seconds.append(Double(spent.seconds) + Double(spent.attoseconds) * 1e-18)
        processorSeconds.append(Self.processorTime - processorBegin)
        return result
    }

    /// All of them together.
    var total: Double { seconds.reduce(0, +) }
    /// How many there are.
    var count: Int { seconds.count }

    /// The middle one, in seconds.
    var median: Double { quantile(0.5) }

    private func quantile(_ part: Double) -> Double { Self.quantile(part, of: seconds) }

    private static func quantile(_ part: Double, of values: [Double]) -> Double {
        values.sorted()[Int(part * Double(values.count - 1) + 0.5)]
    }

    /// The processor time that all threads of the process have taken, in seconds.
    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Median, extremes and quartiles in seconds, the median of the processor time of all threads, and the process's
    /// greatest resident size.
    var summary: [String: String] {
        guard let first = seconds.min(), let last = seconds.max() else { return [:] }
        return [
            "median_s": number(median), "best_s": number(first), "worst_s": number(last),
            "q1_s": number(quantile(0.25)), "q3_s": number(quantile(0.75)), "steps": "\(count)",
            "processor_s": number(Self.quantile(0.5, of: processorSeconds)),
            "rss_mb": number(Self.peakMegabytes),
        ]
    }

    private func number(_ value: Double) -> String { String(format: "%.5g", value) }

    /// The greatest resident size so far, in MB (10^6 bytes), and the present one.
    static var peakMegabytes: Double { status("VmHWM") }
    static var presentMegabytes: Double { status("VmRSS") }

    private static func status(_ key: String) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) }),
            let kibibytes = Double(line.split(whereSeparator: { !$0.isNumber })[0])
        else { return 0 }
        return kibibytes * 1024 / 1e6
    }
}
