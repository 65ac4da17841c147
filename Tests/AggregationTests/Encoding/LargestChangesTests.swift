import Adapters
import Aggregation
import Basics
import Testing

@Suite struct LargestChangesTests {
    static func schema(_ count: Int) -> AdapterSchema {
        AdapterSchema(tensors: [.init(name: "a", rows: 1, columns: count)])
    }

    static func of(
        _ wanted: [Float], after copy: [Float], share: Double
    ) -> (values: [Float], rootMeanSquare: Float) {
        let schema = schema(wanted.count)
        let found = LargestChanges.of(
            AdapterDelta(schema: schema, values: wanted), after: AdapterDelta(schema: schema, values: copy),
            share: share)
        return (found.delta.values, found.rootMeanSquare)
    }

    /// Those that sorting finds, whatever the magnitudes are.
    @Test(arguments: 0..<8 as Range<UInt64>, [1, 2, 7, 64, 1000])
    func areThoseThatSortingFinds(seed: UInt64, count: Int) {
        var generator = SeededGenerator(seed: seed)
        let wanted = (0..<count).map { _ in
            Float(generator.normal()) * [1e-30, 1e-3, 1, 1e20].randomElement(using: &generator)!
        }
        let copy = wanted.map { Bool.random(using: &generator) ? $0 : $0 + Float(generator.normal()) }
        for share in [0.001, 0.1, 0.25, 0.5, 0.999, 1] {
            let kept = min(count, max(1, Int((share * Double(count)).rounded(.up))))
            let order = wanted.indices.sorted { first, second in
                let sizes = (abs(wanted[first] - copy[first]), abs(wanted[second] - copy[second]))
                return sizes.0 == sizes.1 ? first < second : sizes.0 > sizes.1
            }
            var expected = copy
            for place in order.prefix(kept) { expected[place] = wanted[place] }
            let found = Self.of(wanted, after: copy, share: share)
            #expect(found.values == expected)
            let square = order.prefix(kept).reduce(0.0) {
                let change = Double(wanted[$1] - copy[$1])
                return $0 + change * change
            }
            let root = Float((square / Double(kept)).squareRoot())
            #expect(abs(found.rootMeanSquare - root) <= 1e-5 * root)
        }
    }

    @Test func ofEqualOnesTheFirstCount() {
        let found = Self.of([1, -1, 1, 1], after: [0, 0, 0, 0], share: 0.5)
        #expect(found.values == [1, -1, 0, 0] && found.rootMeanSquare == 1)
        let nothing = Self.of([3, 4], after: [3, 4], share: 0.5)
        #expect(nothing.values == [3, 4] && nothing.rootMeanSquare == 0)
    }

    /// A difference of a part is shorter, says how long it will be, and is read as any other.
    @Test(arguments: [0.01, 0.05, 0.25, 0.5]) func aPartIsShortAndReadAsAnyOther(share: Double) throws {
        var generator = SeededGenerator(seed: 11)
        let schema = Self.schema(40_000)
        func drawn() -> AdapterDelta {
            AdapterDelta(schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
        }
        let (wanted, copy) = (drawn(), drawn())
        let largest = LargestChanges.of(wanted, after: copy, share: share)
        let mark = DifferenceCoding.mark(of: copy)
        let coded = try #require(
            DifferenceCoding.encoded(largest.delta, after: copy, mark: mark, step: 0.5 * largest.rootMeanSquare))
        let usual = DifferenceCoding.usualByteCount(for: schema, share: share)
        #expect(abs(Double(coded.payload.count) / Double(usual) - 1) < 0.1, "\(coded.payload.count), \(usual) expected")
        let read = try DifferenceCoding.decoded(coded.payload[...], after: copy)
        #expect(read.delta == coded.read && read.mark == coded.mark)
        let moved = zip(read.delta.values, copy.values).count { $0 != $1 }
        #expect(moved == Int(share * 40_000))
        #expect(read.delta.distance(to: wanted) < copy.distance(to: wanted))
    }
}
