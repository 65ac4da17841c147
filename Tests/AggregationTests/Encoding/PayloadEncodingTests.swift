import Adapters
import Aggregation
import Basics
import Testing

/// What holds for every encoding, and the bytes of each.
@Suite struct PayloadEncodingTests {
    /// Every encoding there is.
    static let encodings: [any PayloadEncoding] = [
        SinglePrecision(), BrainFloat(), BlockIntegers(.eight), BlockIntegers(.four),
    ]
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
            let sent = encoding.encode(delta, seed: 5, into: &payload)
            #expect(payload.prefix(3) == [1, 2, 3], "what was there stays")
            #expect(encoding.byteCounts(for: schema).contains(payload.count - 3))
            let read = try encoding.decode(payload[3...], as: schema)
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
                let delta = try encoding.decode(bytes[...], as: schema)
                #expect(delta.schema == schema && lengths.contains(count))
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(throws: PayloadError.self) {
            var other = encoding
            _ = try other.decode([], as: schema)
        }
    }

    @Test func numbersAreNotGivenTwice() {
        let numbers = Self.encodings.map(\.number) + [DifferenceCoding.number]
        #expect(Set(numbers).count == numbers.count)
    }

    @Test func singlePrecisionKeepsEveryBit() throws {
        var encoding = SinglePrecision()
        let values: [Float] = [0, -0.0, 1.5, -3.25e-30, .leastNonzeroMagnitude, .nan]
        var payload: [UInt8] = []
        _ = encoding.encode(ExchangeRig.delta(values), seed: 0, into: &payload)
        let read = try encoding.decode(payload[...], as: ExchangeRig.schema)
        #expect(read.values.map(\.bitPattern) == values.map(\.bitPattern))
        payload = []
        _ = encoding.encode(ExchangeRig.delta([1, 0, 0, 0, 0, 0]), seed: 0, into: &payload)
        #expect(payload.prefix(4) == [0, 0, 0x80, 0x3f] && encoding.number == 1)
        #expect(throws: PayloadError.length(bytes: 3, expected: 24...24)) {
            try encoding.decode([0, 0, 0], as: ExchangeRig.schema)
        }
    }

    /// The upper halves were computed apart from this code, with exact fractions.
    static let brainFloats: [(value: Float, upper: UInt16)] = [
        (1, 0x3f80), (1.00390625, 0x3f80), (1.01171875, 0x3f82), (1.003_906_4, 0x3f81), (-2.718_281_7, 0xc02e),
        (0.1, 0x3dcd), (0, 0), (-0.0, 0x8000), (.leastNonzeroMagnitude, 0), (0x1p-133, 1),
        (.greatestFiniteMagnitude, 0x7f7f), (-3.4e38, 0xff7f),
    ]

    @Test(arguments: brainFloats.indices) func brainFloatsAreTheNearestAndEvenOnes(place: Int) throws {
        let (value, upper) = Self.brainFloats[place]
        var encoding = BrainFloat()
        var payload: [UInt8] = []
        let read = encoding.encode(ExchangeRig.delta(value), seed: 0, into: &payload)
        #expect(payload.prefix(2) == [UInt8(upper & 0xff), UInt8(upper >> 8)])
        #expect(read.values[0].bitPattern == UInt32(upper) << 16)
    }

    /// 255.0 and 1.0 in one block with the step 2.015625, the brain float above 255 / 127.
    @Test func bytesOfABlockOfIntegers() throws {
        var encoding = BlockIntegers(.eight)
        var payload: [UInt8] = []
        let read = encoding.encode(ExchangeRig.delta([255, 0, 0, 0, 0, -255]), seed: 1, into: &payload)
        #expect(payload.prefix(2) == [0x01, 0x40] && payload.count == 8)
        let first = Int8(bitPattern: payload[2])
        #expect(first == 126 || first == 127)
        #expect(read.values[0] == Float(first) * 2.015625 && read.values[1] == 0)
        var narrow = BlockIntegers(.four)
        payload = []
        _ = narrow.encode(ExchangeRig.delta([7, 0, -7, 1, 2, 3]), seed: 1, into: &payload)
        #expect(payload == [0x80, 0x3f, 0x8f, 0x91, 0xba])
        // A zero nibble would be −8, 0x80 would be −128.
        #expect(throws: PayloadError.malformed("an integer is -8")) {
            try narrow.decode([0x80, 0x3f, 0x8f, 0x90, 0xba], as: ExchangeRig.schema)
        }
        #expect(throws: PayloadError.malformed("an integer is -128")) {
            try encoding.decode([0x80, 0x3f, 0, 0, 0x80, 0, 0, 0], as: ExchangeRig.schema)
        }
        #expect(throws: PayloadError.malformed("a block's step is inf")) {
            try encoding.decode([0x80, 0x7f, 0, 0, 0, 0, 0, 0], as: ExchangeRig.schema)
        }
    }

    /// Rounding is off by less than a step, repeats itself with the seed, and is right on average over seeds.
    @Test(arguments: [BlockIntegers.Width.eight, .four]) func stochasticRoundingIsRightOnAverage(
        width: BlockIntegers.Width
    ) {
        let schema = Self.schemas[2]
        var generator = SeededGenerator(seed: 3)
        let delta = AdapterDelta(schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
        var encoding = BlockIntegers(width)
        var sums = [Double](repeating: 0, count: schema.count)
        let step = 4.0 / (width == .eight ? 127 : 7)
        for seed in 0..<2000 as Range<UInt64> {
            var payload: [UInt8] = []
            let read = encoding.encode(delta, seed: seed, into: &payload)
            for index in sums.indices {
                let error = Double(read.values[index] - delta.values[index])
                #expect(abs(error) < step)
                sums[index] += error
            }
            guard seed == 0 else { continue }
            var again: [UInt8] = []
            _ = encoding.encode(delta, seed: seed, into: &again)
            #expect(payload == again)
        }
        // Six standard deviations of a mean of 2000 draws from two values a step apart.
        for sum in sums { #expect(abs(sum / 2000) < 6 * step / 2 / 2000.0.squareRoot()) }
    }
}
