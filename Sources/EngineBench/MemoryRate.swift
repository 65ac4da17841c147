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
