package import Basics
package import Cryptography

/// What one peer gained in one round, as it measured it on records of its own that it does not train on: a row of the
/// swarm's matrix of gains (docs/fedit.md, "Who gained from whom").
///
/// Means and a count, nothing of the records. All losses are mean negative log-likelihoods in nats per response token.
package struct GainRow: Sendable, Hashable {
    /// The loss with the adapter of one neighbour.
    package struct Giver: Sendable, Hashable {
        /// Where the topology file lists the neighbour, from zero.
        package var place: Int
        package var loss: Float

        package init(place: Int, loss: Float) {
            self.place = place
            self.loss = loss
        }
    }

    /// Where the topology file lists the peer that measured, from zero.
    package var place: Int
    /// The round, one with training.
    package var round: Int
    /// How many records it measured on.
    package var records: Int
    /// The loss with the adapter that the round began with, which mixing had made.
    package var before: Float
    /// The loss after the peer's own local steps.
    package var own: Float
    /// The loss with what mixing made of all.
    package var mixed: Float
    /// By place, ascending, at most `giverLimit`.
    package var givers: [Giver]

    /// The most neighbours of a row.
    package static let giverLimit = 16
    /// No loss is told as more than this, nor one that is no number.
    package static let lossLimit: Float = 1_000_000

    /// A row; losses are brought within what may be told.
    ///
    /// - Parameter givers: in any order, each once, at most `giverLimit`.
    package init(
        place: Int, round: Int, records: Int, before: Double, own: Double, mixed: Double,
        givers: [(place: Int, loss: Double)]
    ) {
        precondition(givers.count <= Self.giverLimit, "a row has \(Self.giverLimit) givers at most")
        self.place = place
        self.round = round
        self.records = records
        self.before = Self.told(before)
        self.own = Self.told(own)
        self.mixed = Self.told(mixed)
        self.givers = givers.map { Giver(place: $0.place, loss: Self.told($0.loss)) }.sorted { $0.place < $1.place }
    }

    private static func told(_ loss: Double) -> Float {
        loss.isNaN ? lossLimit : Float(min(max(loss, 0), Double(lossLimit)))
    }
}

/// A row with the signature of the peer that measured: the body of a MESSAGE (docs/protocol.md, "Gains"). Any peer may
/// pass it on.
package struct SignedGainRow: Sendable, Hashable {
    /// The first byte of the message.
    package static let type: UInt8 = 4
    private static let version: UInt8 = 1
    private static let domain = Array("murmuration-gain-v1\0".utf8)
    /// Bytes of a message without givers.
    private static let fixedByteCount = 2 + 4 + 4 + 4 + 3 * 4 + 1 + Signature.byteCount

    package let row: GainRow
    /// The whole message.
    package let encoded: [UInt8]

    /// `row` signed with the `key` of the peer that measured it, for the swarm with the 32-byte identifier `swarm`.
    package init(_ row: GainRow, signedWith key: SigningKey, swarm: [UInt8]) {
        self.row = row
        let layout = Self.layout(row)
        encoded = layout + key.signature(of: Self.domain + swarm + layout)
    }

    private static func layout(_ row: GainRow) -> [UInt8] {
        var bytes = [type, version]
        bytes.append(integer: UInt32(clamping: row.place))
        bytes.append(integer: UInt32(clamping: row.round))
        bytes.append(integer: UInt32(clamping: row.records))
        for loss in [row.before, row.own, row.mixed] { bytes.append(integer: loss.bitPattern) }
        bytes.append(UInt8(row.givers.count))
        for giver in row.givers {
            bytes.append(integer: UInt32(clamping: giver.place))
            bytes.append(integer: giver.loss.bitPattern)
        }
        return bytes
    }

    /// The row that a message holds, not yet known to be signed by whom it names; nil for anything that no honest peer
    /// writes.
    package init?(encoded bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.byte() == Self.type, reader.byte() == Self.version, let place = reader.integer(UInt32.self),
            let round = reader.integer(UInt32.self), let records = reader.integer(UInt32.self), records > 0,
            let before = Self.loss(&reader), let own = Self.loss(&reader), let mixed = Self.loss(&reader),
            let count = reader.byte(), Int(count) <= GainRow.giverLimit,
            bytes.count == Self.fixedByteCount + 8 * Int(count)
        else { return nil }
        var givers: [(place: Int, loss: Double)] = []
        for _ in 0..<count {
            guard let giver = reader.integer(UInt32.self), giver != place, let loss = Self.loss(&reader),
                // Strictly ascending, so that no neighbour stands twice and a row has one written form.
                givers.last.map({ $0.place < Int(giver) }) ?? true
            else { return nil }
            givers.append((Int(giver), Double(loss)))
        }
        row = GainRow(
            place: Int(place), round: Int(round), records: Int(records), before: Double(before), own: Double(own),
            mixed: Double(mixed), givers: givers)
        encoded = bytes
    }

    private static func loss(_ reader: inout ByteReader) -> Float? {
        guard let pattern = reader.integer(UInt32.self) else { return nil }
        let loss = Float(bitPattern: pattern)
        // Minus zero would be written otherwise than it was read.
        guard loss >= 0, loss.sign == .plus, loss <= GainRow.lossLimit else { return nil }
        return loss
    }

    /// Whether `peer` has signed it for the swarm with the identifier `swarm`.
    package func isSigned(by peer: PeerID, swarm: [UInt8]) -> Bool {
        let layout = encoded.dropLast(Signature.byteCount)
        return Signature.isValid(
            Array(encoded.suffix(Signature.byteCount)), of: Self.domain + swarm + layout, by: peer.bytes)
    }
}
