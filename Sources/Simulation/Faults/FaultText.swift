import Basics
import SwarmFile

/// Values as a fault file writes them; reading gives the same value.
enum FaultText {
    /// A duration in the largest unit in which it is a whole number. What is finer than a nanosecond is cut off.
    static func duration(_ duration: Duration) -> String {
        let nanoseconds = duration.wholeNanoseconds
        guard nanoseconds != 0 else { return "0s" }
        for unit in TopologyValue.durationUnits where nanoseconds % unit.nanoseconds == 0 {
            return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
        }
        return "\(nanoseconds)ns"
    }

    /// A number without a fraction that says nothing.
    static func number(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// Peers.
    static func peers(_ selector: PeerSelector) -> String {
        switch selector {
        case .all: "all"
        case .names(let names): "[\(names.map(SwarmTopology.quoted).joined(separator: ", "))]"
        case .random(let count): "{ random: \(count) }"
        }
    }
}
