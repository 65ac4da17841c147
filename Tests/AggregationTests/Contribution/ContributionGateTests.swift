import Adapters
import Aggregation
import Testing

@Suite struct ContributionGateTests {
    static let gate = ContributionGate(normLimit: 100)

    @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN]) func whatIsNotFiniteIsRefused(value: Float) {
        #expect(throws: ContributionRefusal.notFinite) {
            try Self.gate.check(ExchangeRig.delta([0, 0, 0, 0, value, 1]))
        }
    }

    @Test(arguments: [(Float(100), true), (101, false), (-101, false), (.greatestFiniteMagnitude, false)])
    func theNormIsLimited(value: Float, isLetIn: Bool) {
        let delta = ExchangeRig.delta([value, 0, 0, 0, 0, 0])
        if isLetIn {
            #expect(throws: Never.self) { try Self.gate.check(delta) }
        } else {
            #expect(throws: ContributionRefusal.norm(delta.norm, limit: 100)) { try Self.gate.check(delta) }
        }
    }

    @Test(arguments: [
        (ContributionRefusal.encoding(9), "its encoding 9 is unknown"),
        (.announcedLength, "its length is not the schema's"),
        (
            .payload(.length(bytes: 3, expected: 24...24)),
            "the contribution has 3 bytes where the adapter's schema asks for 24"
        ),
        (
            .payload(.length(bytes: 3, expected: 8...24)),
            "the contribution has 3 bytes where the adapter's schema asks for 8 to 24"
        ),
        (.payload(.malformed("no index")), "the contribution's bytes are malformed: no index"),
        (.notFinite, "a value of the contribution is not finite"),
        (.norm(5, limit: 4), "the contribution's norm 5.0 is above the limit of 4.0"),
    ])
    func refusalsSayWhy(refusal: ContributionRefusal, text: String) { #expect(refusal.description == text) }
}
