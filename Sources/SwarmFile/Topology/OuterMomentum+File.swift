package import Aggregation
import Storage

/// `exchange.outer:` in the topology file: `none`, `momentum` with the usual numbers, or a section with other ones.
extension OuterMomentum: KeyedSection {
    package static let defaults = OuterMomentum()
    package static let keys: [SectionKey<Self>] = [
        .shared("momentum", \.momentum, .number(0..<1), "What is left of a move one round later."),
        .shared("rate", \.rate, .number(above: 0, to: 10), "What is taken of the local steps."),
    ]
}

extension SwarmTopology.Exchange {
    /// The outer momentum as a section: one number of it switches it on.
    package var outerSection: OuterMomentum {
        get { outer ?? .defaults }
        set { outer = newValue }
    }
}

extension ValueFormat where Value == OuterMomentum? {
    /// Written with both numbers, so that what peers compare says them.
    static var outer: ValueFormat {
        let words = "none, momentum, or { momentum: …, rate: … }"
        return ValueFormat(
            values: words,
            schema: ["oneOf": [["enum": ["none", "momentum"]], .object(OuterMomentum.schema)]],
            read: { value in
                guard value.isSingle else { return try OuterMomentum.read(value) }
                let text = try value.text()
                switch text {
                case "none": return nil
                case "momentum": return OuterMomentum.defaults
                default: throw value.error("\"\(text.prefix(80))\" is not known; \(words) is allowed")
                }
            },
            write: { $0?.braced ?? "none" }, json: { $0 == nil ? .text("none") : nil })
    }
}
