package import Adapters
package import Basics

/// Slices of contributions, for rules that average these (`MixingRule.reduces`).
extension ExchangePipeline {
    /// Whether peers average slices of contributions where nobody is missing.
    package var reduces: Bool { policy.mixing.reduces }

    /// How the contributions of a round are divided among `peers`; nil where payloads of that encoding cannot be.
    package func slices(in round: Int, encoding: UInt16, peers: Int, leafByteCount: Int) -> SliceLayout? {
        guard reduces, policy.mixing.headerByteCount == 0,
            let bytesOfValue = policy.encoding(numbered: encoding)?.bytesOfValue, leafByteCount % bytesOfValue == 0
        else { return nil }
        return SliceLayout(
            count: factors.schema(in: round).count, bytesOfValue: bytesOfValue, peers: peers,
            leafByteCount: leafByteCount)
    }

    /// The values of a slice of a neighbour's contribution, if they pass the gate.
    ///
    /// - Parameter bytes: those of the leaves that hold it.
    package func open(
        slice rank: Int, of layout: SliceLayout, encoding number: UInt16, in bytes: [UInt8]
    ) throws(ContributionRefusal) -> [Float] {
        let range = layout.bytes(of: rank)
        guard var encoding = policy.encoding(numbered: number) else { throw .encoding(number) }
        guard range.upperBound <= bytes.count else { throw .announcedLength }
        return try values(bytes[range], count: layout.values(of: rank).count, &encoding)
    }

    /// A slice's mean as it travels: in single precision, whatever the contributions are encoded in.
    package static func payload(ofMean mean: [Float]) -> [UInt8] {
        var encoding = SinglePrecision()
        var payload: [UInt8] = []
        _ = encoding.encode(AdapterDelta(schema: schema(count: mean.count), values: mean), seed: 0, into: &payload)
        return payload
    }

    /// Bytes of the mean of so many values.
    package static func byteCount(ofMean count: Int) -> Int {
        SinglePrecision().byteCounts(for: schema(count: count)).upperBound
    }

    /// Puts the mean that a neighbour's payload holds at its place in an average; where it does not pass the gate, what
    /// stands there means nothing.
    ///
    /// - Returns: `Σ x²` of the mean's values.
    package func open(
        mean payload: [UInt8], into average: inout [Float], at range: Range<Int>
    ) throws(ContributionRefusal) -> Double {
        let expected = SinglePrecision().byteCounts(for: Self.schema(count: range.count))
        guard expected.contains(payload.count) else {
            throw .payload(.length(bytes: payload.count, expected: expected))
        }
        average.replace(range, littleEndian: payload[...])
        let squares = AdapterDelta.squares(of: average[range])
        try gate.check(norm: squares.squareRoot())
        return squares
    }

    private func values(
        _ bytes: ArraySlice<UInt8>, count: Int, _ encoding: inout any PayloadEncoding
    ) throws(ContributionRefusal) -> [Float] {
        let delta: AdapterDelta
        do throws(PayloadError) {
            delta = try encoding.decode(bytes, as: Self.schema(count: count))
        } catch {
            throw .payload(error)
        }
        try gate.check(delta)
        return delta.values
    }

    /// Some values as if they were an adapter.
    private static func schema(count: Int) -> AdapterSchema {
        AdapterSchema(tensors: [.init(name: "slice", rows: 1, columns: count)])
    }

    /// Why the average of all, of this Euclidean norm, is not taken, although each slice passed the gate; nil if it may
    /// be.
    package func refusal(ofAverage norm: Double) -> ContributionRefusal? {
        do throws(ContributionRefusal) {
            try gate.check(norm: norm)
            return nil
        } catch { return error }
    }

    /// The peer's adapter after a round whose average, of what all peers exchange, came in slices.
    package mutating func take(
        average values: [Float], by own: AdapterDelta, of weights: [(origin: PeerID, weight: Int)],
        in round: MixingRound
    ) -> MixingOutcome {
        let part = part(of: own, in: round.number)
        var outcome = policy.mixing.take(
            average: AdapterDelta(schema: part.schema, values: values), by: part, of: weights, in: round)
        // Nobody has seen what factors lose: their products are not here.
        loss = nil
        outcome.delta = own.replacing(outcome.delta)
        return outcome
    }
}
