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

/// A beat every 10 ms on the default executor, as a peer's timers beat: how long did it stop while peers trained?
struct Heartbeat {
    private let task: Task<Double, Never>

    init() {
        task = Task {
            let clock = ContinuousClock()
            var longest = 0.0
            var last = clock.now
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(10))
                let gap = last.duration(to: clock.now).components
                longest = max(longest, Double(gap.seconds) * 1e3 + Double(gap.attoseconds) * 1e-15)
                last = clock.now
            }
            return longest
        }
    }

    /// Ends it and gives the longest time from one beat to the next, in milliseconds.
    func stop() async -> String {
        task.cancel()
        return String(format: "%.1f", await task.value)
    }
}

/// How fast all processors together read memory that no cache holds: what bounds generation, which reads every weight for
/// every token. It changes with what else the machine's memory serves, so it is measured where generation is.
struct MemoryRate {
    private let words: [UInt64]
    private let threads: Int
    private var rates: [Double] = []

    /// A gigabyte to be read by `threads` at once.
    init(threads: Int) {
        words = (0..<1 << 27).map { UInt64($0) }
        self.threads = threads
    }

    /// Reads all of it `count` times.
    mutating func measure(_ count: Int) async {
        for _ in 0..<count {
            let begin = ContinuousClock.now
            let sum = await withTaskGroup(of: UInt64.self) { group in
                for thread in 0..<threads {
                    let part = words.count * thread / threads..<words.count * (thread + 1) / threads
                    group.addTask { [words] in await Self.sum(words, part) }
                }
                return await group.reduce(0, &+)
            }
            let spent = begin.duration(to: .now) / .seconds(1)
            precondition(sum == UInt64(words.count / 2) &* UInt64(words.count &- 1), "every word was read")
            rates.append(Double(words.count * 8) / 1e9 / spent)
        }
    }

    /// The middle one of all rates, in GB/s.
    var median: Double { rates.sorted()[rates.count / 2] }

    @concurrent private static func sum(_ words: [UInt64], _ part: Range<Int>) async -> UInt64 {
        let span = words.span.extracting(part)
        var sums = SIMD8<UInt64>()
        for start in stride(from: 0, to: span.count & ~7, by: 8) {
            for lane in 0..<8 { sums[lane] &+= span[start + lane] }
        }
        var sum = sums.wrappedSum()
        for index in span.count & ~7..<span.count { sum &+= span[index] }
        return sum
    }
}
