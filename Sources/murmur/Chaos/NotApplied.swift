import Faults

/// What of a fault schedule real processes do not go through, in words, so that nobody takes silence for a test passed.
enum NotApplied {
    /// Kinds of faults in `schedule` that `murmur swarm --faults` passes over; with `networkOnly` those of the relay
    /// alone, which starts and stops no processes.
    static func of(_ schedule: FaultSchedule, networkOnly: Bool = false) -> [String] {
        var words: [String] = []
        for fault in schedule.peers {
            let word: String? =
                switch fault.kind {
                case .crash: networkOnly ? "crash" : nil
                case .absent: networkOnly ? "absent" : nil
                case .pause: networkOnly ? "pause" : nil
                case .churn: networkOnly ? "churn" : nil
                case .slow: "slow"
                case .clockStep: "clock-step"
                case .clockDrift: "clock-drift"
                case .disk(let disk): "disk \(disk.rawValue)"
                case .rebind: "rebind"
                case .byzantine: "byzantine"
                }
            if let word, !words.contains(word) { words.append(word) }
        }
        for intruder in schedule.intruders {
            let word = "intruder \(intruder.kind.rawValue)"
            if !words.contains(word) { words.append(word) }
        }
        return words
    }
}
