import Adapters
import Aggregation
import Basics
import Testing

/// What holds for every encoding, and the bytes of each.
@Suite struct PayloadEncodingTests {
    /// Every encoding there is.
    static let encodings: [any PayloadEncoding] = [SinglePrecision()]
    static let schemas = [
        AdapterSchema(tensors: []), AdapterSchema(tensors: [.init(name: "a", rows: 1, columns: 1)]),
        AdapterSchema(tensors: [.init(name: "a", rows: 3, columns: 5), .init(name: "b", rows: 64, columns: 2)]),
    ]

    @Test(arguments: encodings.indices, schemas)
    func whatIsReadIsWhatTheSenderReckonsWith(place: Int, schema: AdapterSchema) throws {
        var encoding = Self.encodings[place]
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20 {
            let delta = AdapterDelta(schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
            var payload: [UInt8] = [1, 2, 3]
            let sent = encoding.encode(delta, for: .everyone, into: &payload)
            #expect(payload.prefix(3) == [1, 2, 3], "what was there stays")
            #expect(encoding.byteCounts(for: schema).contains(payload.count - 3))
            let read = try encoding.decode(payload[3...], as: schema, from: ExchangeRig.id(1))
            #expect(read.values.map(\.bitPattern) == sent.values.map(\.bitPattern))
        }
    }

    @Test(arguments: encodings.indices) func hostileBytesAreRefusedOrReadAndNeverTrap(place: Int) {
        var encoding = Self.encodings[place]
        var generator = SeededGenerator(seed: 9)
        let schema = Self.schemas[2]
        let lengths = encoding.byteCounts(for: schema)
        for _ in 0..<300 {
            let count = Int.random(in: 0...lengths.upperBound + 9, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            do {
                let delta = try encoding.decode(bytes[...], as: schema, from: ExchangeRig.id(1))
                #expect(delta.schema == schema && lengths.contains(count))
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(throws: PayloadError.self) {
            var other = encoding
            _ = try other.decode([], as: schema, from: ExchangeRig.id(1))
        }
    }

    @Test(arguments: encodings.indices) func aStateReadsBack(place: Int) throws {
        var encoding = Self.encodings[place]
        try encoding.restore(encoding.state)
        #expect(throws: ExchangeStateError.self) { try encoding.restore([1, 2, 3]) }
    }

    @Test func numbersAreNotGivenTwice() {
        #expect(Set(Self.encodings.map(\.number)).count == Self.encodings.count)
    }

    @Test func singlePrecisionKeepsEveryBit() throws {
        var encoding = SinglePrecision()
        let values: [Float] = [0, -0.0, 1.5, -3.25e-30, .leastNonzeroMagnitude, .nan]
        var payload: [UInt8] = []
        _ = encoding.encode(ExchangeRig.delta(values), for: .everyone, into: &payload)
        let read = try encoding.decode(payload[...], as: ExchangeRig.schema, from: ExchangeRig.id(1))
        #expect(read.values.map(\.bitPattern) == values.map(\.bitPattern))
        payload = []
        _ = encoding.encode(ExchangeRig.delta([1, 0, 0, 0, 0, 0]), for: .everyone, into: &payload)
        #expect(payload.prefix(4) == [0, 0, 0x80, 0x3f] && encoding.number == 1)
        #expect(throws: PayloadError.length(bytes: 3, expected: 24...24)) {
            try encoding.decode([0, 0, 0], as: ExchangeRig.schema, from: ExchangeRig.id(1))
        }
    }
}
