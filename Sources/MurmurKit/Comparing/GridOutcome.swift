package import Storage

/// What one run of a grid gave.
package struct GridOutcome: Sendable, Equatable {
    /// Whose adapter was measured.
    package enum Group: String, Sendable, Hashable, CaseIterable {
        case base, alone, once, fedavg, pooled
        /// A peer's final adapter, and the one it had before settling.
        case gossip, unsettled
        /// The weighted mean of the peers' adapters before settling.
        case average
    }

    /// An adapter's figures.
    package struct Row: Sendable, Equatable {
        package var group: Group
        /// The peer; empty where it is nobody's alone.
        package var peer: String
        /// Loss on the validation part, and on the held-out records; nil where there is none, as of a peer that was left out.
        package var validation: Double?
        package var heldOut: Double?
        /// Share of the held-out records with an answer that are answered exactly; nil where none were generated.
        package var exactMatch: Double?

        package init(
            group: Group, peer: String = "", validation: Double? = nil, heldOut: Double? = nil,
            exactMatch: Double? = nil
        ) {
            self.group = group
            self.peer = peer
            self.validation = validation
            self.heldOut = heldOut
            self.exactMatch = exactMatch
        }
    }

    package var rows: [Row] = []
    /// Bytes that each peer sent, in the topology's order; FedAvg's count a peer's single-precision adapter up and down.
    package var bytes: [Int] = []
    /// The same before settling; nil where that is not known of every peer.
    package var bytesUnsettled: [Int]?
    /// Rounds, settling counted.
    package var rounds = 0
    /// Contributions that peers went on without.
    package var missed = 0
    /// Peers without a figure, each with the reason.
    package var leftOut: [String] = []
    /// Why there is no figure at all; nil where there is.
    package var failure: String?

    package init() {}

    package func rows(_ group: Group) -> [Row] { rows.filter { $0.group == group } }

    /// Bytes that a peer sent on average; nil for who sends nothing.
    package var bytesPerPeer: Double? {
        bytes.isEmpty ? nil : Double(bytes.reduce(0, +)) / Double(bytes.count)
    }
}

extension GridOutcome {
    package var json: JSONValue {
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        let rows = rows.map { row in
            JSONValue.object(
                JSONObject([
                    ("group", .text(row.group.rawValue)), ("peer", .text(row.peer)),
                    ("validation_loss", number(row.validation)), ("held_out_loss", number(row.heldOut)),
                    ("exact_match", number(row.exactMatch)),
                ]))
        }
        return .object(
            JSONObject([
                ("rows", .array(rows)), ("bytes", .array(bytes.map { .integer($0) })),
                ("bytes_before_settling", bytesUnsettled.map { .array($0.map { .integer($0) }) } ?? .null),
                ("rounds", .integer(rounds)), ("missed", .integer(missed)),
                ("left_out", .array(leftOut.map { .text($0) })), ("failure", failure.map { .text($0) } ?? .null),
            ]))
    }

    /// Reads what `json` wrote; nil for anything else.
    package init?(json: JSONValue) {
        guard let list = json["rows"]?.array, let bytes = json["bytes"]?.array, let rounds = json["rounds"]?.int,
            let missed = json["missed"]?.int, let leftOut = json["left_out"]?.array
        else { return nil }
        for value in list {
            guard let group = value["group"]?.text.flatMap(Group.init(rawValue:)), let peer = value["peer"]?.text else {
                return nil
            }
            rows.append(
                Row(
                    group: group, peer: peer, validation: value["validation_loss"]?.double,
                    heldOut: value["held_out_loss"]?.double, exactMatch: value["exact_match"]?.double))
        }
        self.bytes = bytes.compactMap(\.int)
        bytesUnsettled = json["bytes_before_settling"]?.array?.compactMap(\.int)
        self.rounds = rounds
        self.missed = missed
        self.leftOut = leftOut.compactMap(\.text)
        failure = json["failure"]?.text
    }
}
