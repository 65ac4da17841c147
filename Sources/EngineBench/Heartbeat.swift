import Foundation

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
