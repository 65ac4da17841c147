package import Adapters

/// What every contribution has to pass before it is mixed, whatever else is done against liars.
package struct ContributionGate: Sendable, Hashable {
    /// The largest Euclidean norm. Adapters that were trained stay far below; values gone astray do not.
    package var normLimit: Double

    package init(normLimit: Double) {
        self.normLimit = normLimit
    }

    /// Throws `ContributionRefusal` unless every value is finite and the norm within the limit.
    package func check(_ delta: AdapterDelta) throws(ContributionRefusal) {
        // A single NaN or infinity makes the sum one too: the squares of finite floats cannot overflow a double.
        try check(norm: delta.norm)
    }

    /// The same for values of this Euclidean norm.
    package func check(norm: Double) throws(ContributionRefusal) {
        guard norm.isFinite else { throw .notFinite }
        guard norm <= normLimit else { throw .norm(norm, limit: normLimit) }
    }
}

/// Why a contribution is not mixed, or not even fetched.
package enum ContributionRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// Its encoding is not the swarm's.
    case encoding(UInt16)
    /// The payload that it announces is longer or shorter than any of the schema.
    case announcedLength
    /// It is a difference to something of its origin that is not here.
    case unknownBase
    /// Its bytes are no payload.
    case payload(PayloadError)
    /// A value is NaN or infinite.
    case notFinite
    /// The norm is larger than the limit.
    case norm(Double, limit: Double)

    package var description: String {
        switch self {
        case .encoding(let number): "its encoding \(number) is unknown"
        case .announcedLength: "its length is not the schema's"
        case .unknownBase: "it is the difference to a contribution that is not here"
        case .payload(let error): error.description
        case .notFinite: "a value of the contribution is not finite"
        case .norm(let norm, let limit): "the contribution's norm \(norm) is above the limit of \(limit)"
        }
    }
}
