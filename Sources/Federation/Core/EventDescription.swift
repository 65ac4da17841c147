package import Basics

/// What there is to tell of an event, as data. The log, traces, the terminal and the docs' table all read this, so that
/// an event has one name and its fields have one name each, wherever they are met.
package struct EventDescription: Sendable, Hashable {
    /// The event's name, in snake case.
    package let name: String
    /// One sentence for people, without the peer as its subject; `{field}` stands for a field's value.
    package let sentence: String
    /// Whether who watches a peer is told. What is no news is for programs.
    package let isNews: Bool
    /// The fields in the order in which they are written.
    package let fields: [Field]

    /// An event that people are told of.
    static func news(_ name: String, _ sentence: String, _ fields: [Field]) -> EventDescription {
        EventDescription(name: name, sentence: sentence, isNews: true, fields: fields)
    }

    /// An event for programs.
    static func detail(_ name: String, _ sentence: String, _ fields: [Field]) -> EventDescription {
        EventDescription(name: name, sentence: sentence, isNews: false, fields: fields)
    }

    /// A named value of an event.
    package struct Field: Sendable, Hashable {
        /// Its name, in snake case.
        package let name: String
        package let value: Value
        /// What the value is counted in; nil where `Value` says it.
        private let ownUnit: String?
        /// What it says, for the docs.
        package let meaning: String

        package init(_ name: String, _ value: Value, in unit: String? = nil, _ meaning: String) {
            self.name = name
            self.value = value
            ownUnit = unit
            self.meaning = meaning
        }

        /// What the value is counted in; empty for what has no unit.
        package var unit: String { ownUnit ?? value.unit }
    }

    /// The kinds of values.
    package enum Value: Sendable, Hashable {
        /// A round: rounds with training count from zero, settling rounds follow them.
        case round(Int)
        /// A number of things.
        case integer(Int)
        /// A measured value, which may be infinite or no number at all.
        case number(Double)
        /// Several of them.
        case numbers([Double])
        /// A number of bytes.
        case bytes(Int)
        /// A length of time.
        case duration(Duration)
        /// Words.
        case text(String)
        /// Yes or no.
        case flag(Bool)
        case peer(PeerID)
        /// Some peers, or none.
        case peers([PeerID])
        /// Some peers, each with its share of a whole.
        case shares([Share])
        /// Some peers, each with what was measured of it.
        case amounts([Amount])

        /// What it is counted in, where the kind says that.
        fileprivate var unit: String {
            switch self {
            case .bytes: "bytes"
            case .duration: "s"
            case .peer: "peer"
            case .peers: "peers"
            case .round, .integer, .number, .numbers, .text, .flag, .shares, .amounts: ""
            }
        }
    }
}

extension EventDescription {
    /// A peer's share of a whole.
    package struct Share: Sendable, Hashable {
        /// Whose it is.
        package var peer: PeerID
        /// From 0 to 1.
        package var share: Double

        package init(peer: PeerID, share: Double) {
            self.peer = peer
            self.share = share
        }
    }
}

extension EventDescription {
    /// What was measured of a peer.
    package struct Amount: Sendable, Hashable {
        package var peer: PeerID
        package var amount: Double

        package init(peer: PeerID, amount: Double) {
            self.peer = peer
            self.amount = amount
        }
    }
}

/// The fields that several events share, each with its meaning said once.
extension EventDescription.Field {
    static func round(_ round: Int) -> Self {
        Self("round", .round(round), "rounds with training count from 0, settling rounds follow them")
    }

    static func resumed(_ isResumed: Bool) -> Self {
        Self("resumed", .flag(isResumed), "whether the peer goes on from a checkpoint")
    }

    static func loss(_ loss: Double) -> Self {
        Self(
            "loss", .number(loss), in: "nats a token",
            "mean negative log-likelihood over the tokens of the local steps that carry loss")
    }

    static func tokens(_ count: Int) -> Self { Self("tokens", .integer(count), "tokens that carry loss") }

    static func measured(_ count: Int) -> Self {
        Self("measured", .integer(count), "records of the peer's validation part that were measured on")
    }

    static func records(_ count: Int) -> Self { Self("records", .integer(count), "records of the local steps") }

    static func seconds(_ duration: Duration) -> Self {
        Self("seconds", .duration(duration), "how long the local steps took, or the wait for the neighbours")
    }

    static func reason(_ reason: String) -> Self { Self("reason", .text(reason), "why, in words") }

    static func neighbour(_ peer: PeerID) -> Self { Self("neighbour", .peer(peer), "the neighbour concerned") }

    static func host(_ name: String) -> Self {
        Self("name", .text(name), "the host and port as the topology file has them")
    }

    static func bytes(_ count: Int) -> Self { Self("bytes", .bytes(count), "bytes of the contribution's payload") }

    static func tensors(_ count: Int) -> Self { Self("tensors", .integer(count), "tensors of the contribution") }

    static func norm(_ norm: Double) -> Self { Self("norm", .number(norm), "Euclidean norm of the contribution") }

    static func digest(_ object: String) -> Self {
        Self("digest", .text(object), "the digest that names the contribution, in hexadecimal")
    }

    static func present(_ peers: [PeerID]) -> Self { Self("present", .peers(peers), "whose contributions were mixed") }

    static func absent(_ peers: [PeerID]) -> Self { Self("absent", .peers(peers), "whose contributions were missing") }

    static func shares(_ shares: [EventDescription.Share]) -> Self {
        Self("shares", .shares(shares), "what each neighbour's contribution counted in the average, by name")
    }

    static func disagreement(_ distance: Double) -> Self {
        Self(
            "disagreement", .number(distance), in: "relative",
            "largest distance to a neighbour's adapter before mixing, by the own adapter's norm")
    }

    static func bound(_ bound: Double) -> Self {
        Self("bound", .number(bound), in: "relative", "what `disagreement` is compared with")
    }
}
