import Adapters
import Aggregation
import Testing

@Suite struct ContributionGateTests {
    static let schema = AdapterSchema(tensors: [.init(name: "a", rows: 2, columns: 3)])
    static let gate = ContributionGate(schema: schema, normLimit: 100)

    static func payload(_ values: [Float]) -> [UInt8] {
        gate.payload(of: AdapterDelta(schema: schema, values: values))
    }

    @Test func payloadsReadBackToTheLastBit() throws {
        let values: [Float] = [0, -0.0, 1.5, -3.25e-30, .leastNonzeroMagnitude, 42]
        let delta = try Self.gate.open(Self.payload(values))
        #expect(delta.values.map(\.bitPattern) == values.map(\.bitPattern))
        #expect(Self.payload([1, 0, 0, 0, 0, 0]).prefix(4) == [0, 0, 0x80, 0x3f])
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN]) func whatIsNotFiniteIsRefused(value: Float) {
        #expect(throws: ContributionRefusal.notFinite) { try Self.gate.open(Self.payload([0, 0, 0, 0, value, 1])) }
    }

    @Test func lengthAndNormAreChecked() {
        #expect(throws: ContributionRefusal.length(bytes: 3, expected: 24)) { try Self.gate.open([0, 0, 0]) }
        #expect(throws: ContributionRefusal.length(bytes: 0, expected: 24)) { try Self.gate.open([]) }
        #expect(throws: ContributionRefusal.norm(101, limit: 100)) {
            try Self.gate.open(Self.payload([101, 0, 0, 0, 0, 0]))
        }
        #expect(throws: ContributionRefusal.self) {
            try Self.gate.open(Self.payload([.greatestFiniteMagnitude, 0, 0, 0, 0, 0]))
        }
        #expect(throws: Never.self) { try Self.gate.open(Self.payload([100, 0, 0, 0, 0, 0])) }
    }

    @Test func consensusDistanceIsRelativeToTheMean() {
        func delta(_ value: Float) -> AdapterDelta {
            AdapterDelta(schema: Self.schema, values: [value, 0, 0, 0, 0, 0])
        }
        #expect(ConsensusDistance.relative([delta(1), delta(3)]) == 0.5)
        #expect(ConsensusDistance.relative([delta(2), delta(2)]) == 0)
    }
}
