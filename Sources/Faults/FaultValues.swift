import Basics
import SwarmFile

/// The readings that only fault files need: durations, shares, rates, peers.
extension TopologyValue {
    /// Nanoseconds of each unit, the largest first.
    static let durationUnits: [(name: String, nanoseconds: Int64)] = [
        ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000),
        ("ns", 1),
    ]
    /// The longest duration of a fault file: a year.
    static let longest = Duration.seconds(365 * 86_400)

    /// A duration with its unit, `20ms`, `1.5s`, `2h`, within `range`.
    func duration(in range: ClosedRange<Duration> = .zero...longest) throws -> Duration {
        let text = try text()
        let allowed = "\(FaultText.duration(range.lowerBound)) to \(FaultText.duration(range.upperBound)) is allowed"
        guard let value = Self.duration(text) else {
            throw error("\"\(text)\" is not a duration such as 20ms, 5s, 10min or 2h; \(allowed)")
        }
        guard range.contains(value) else { throw error("\(text) is out of range; \(allowed)") }
        return value
    }

    /// The duration that a text says; nil where it says none. Zero needs no unit.
    static func duration(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-" || $0 == "+") }
        let rest = text.dropFirst(number.count)
        guard let unit = durationUnits.first(where: { $0.name == rest }) else { return nil }
        if let whole = Int64(number) {
            let (product, overflow) = whole.multipliedReportingOverflow(by: unit.nanoseconds)
            return overflow ? nil : .nanoseconds(product)
        }
        guard let value = Double(number), value.isFinite else { return nil }
        let nanoseconds = (value * Double(unit.nanoseconds)).rounded()
        return abs(nanoseconds) < 9e18 ? .nanoseconds(Int64(nanoseconds)) : nil
    }

    /// A share, `0.05` or `5%`, within `range`.
    func share(in range: ClosedRange<Double> = 0...1) throws -> Double {
        let text = try text()
        let isPercent = text.hasSuffix("%")
        let allowed =
            "a share from \(FaultText.number(range.lowerBound)) to \(FaultText.number(range.upperBound)), or in percent, is allowed"
        guard let number = Double(isPercent ? String(text.dropLast()) : text), number.isFinite else {
            throw error("\"\(text)\" is not a share such as 0.05 or 5%; \(allowed)")
        }
        let value = isPercent ? number / 100 : number
        guard range.contains(value) else { throw error("\(text) is out of range; \(allowed)") }
        return value
    }

    /// Bytes a second: a number, or one of bits with the unit `kbit` or `Mbit`.
    func rate() throws -> Double {
        let text = try text()
        let allowed = "bytes a second from 100 to 1e12, or bits such as 256kbit or 1Mbit, are allowed"
        let units: [(name: String, bytes: Double)] = [("kbit", 125), ("Mbit", 125_000), ("", 1)]
        guard let unit = units.first(where: { text.hasSuffix($0.name) }),
            let number = Double(text.dropLast(unit.name.count)), number.isFinite
        else { throw error("\"\(text)\" is not a rate; \(allowed)") }
        let value = number * unit.bytes
        guard (100...1e12).contains(value) else { throw error("\(text) is out of range; \(allowed)") }
        return value
    }

    /// Which peers: `all`, a name, a list of names, or `{ random: 2 }`.
    func peers() throws -> PeerSelector {
        if isSingle {
            if try text() == "all" { return .all }
            try SwarmTopology.checkName(self)
            return .names([try text()])
        }
        if isList {
            let places = try list()
            guard !places.isEmpty else { throw error("the list is empty; name a peer at least") }
            return .names(
                try places.map { place in
                    try SwarmTopology.checkName(place)
                    return try place.text()
                })
        }
        let section = try section(keys: ["random"])
        return .random(try section.required("random").integer(in: 1...SwarmTopology.maximumPeers))
    }
}

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

    static func peers(_ selector: PeerSelector) -> String {
        switch selector {
        case .all: "all"
        case .names(let names): "[\(names.map(SwarmTopology.quoted).joined(separator: ", "))]"
        case .random(let count): "{ random: \(count) }"
        }
    }
}
