import Basics
import Foundation
import LinearAlgebra
import Testing

/// Products with stored weights against the same sums in double precision.
@Suite struct WeightProductsTests {
    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(generator.normal()) })
    }

    /// The largest relative distance of a product from the exact one, by the norm of a row's terms.
    private func distance(_ found: Matrix, _ left: [[Double]], _ right: [[Double]], base: [Float]?) -> Double {
        var largest = 0.0
        for row in 0..<found.rows {
            for column in 0..<found.columns {
                var sum = base.map { Double($0[row * found.columns + column]) } ?? 0
                var terms = sum * sum
                for index in right.indices {
                    let term = left[row][index] * right[index][column]
                    sum += term
                    terms += term * term
                }
                largest = max(largest, abs(Double(found[row, column]) - sum) / max(1e-9, terms.squareRoot()))
            }
        }
        return largest
    }

    private func rows(_ matrix: Matrix) -> [[Double]] {
        (0..<matrix.rows).map { row in (0..<matrix.columns).map { Double(matrix[row, $0]) } }
    }

    private func transposed(_ rows: [[Double]]) -> [[Double]] {
        rows[0].indices.map { column in rows.map { $0[column] } }
    }

    /// The nearest width that rows of a storage can have.
    private func width(_ columns: Int, _ storage: WeightStorage) -> Int {
        (columns + storage.blockLength - 1) / storage.blockLength * storage.blockLength
    }

    static let shapes = [
        (1, 5, 3), (2, 64, 32), (12, 33, 65), (25, 130, 40), (37, 1100, 70), (5, 2100, 33), (3, 40, 1280),
    ]

    @Test(arguments: ProductPrecision.allCases, WeightStorage.allCases)
    func bothDirectionsAgreeWithExactSums(precision: ProductPrecision, storage: WeightStorage) {
        for (number, (n, outputs, given)) in Self.shapes.enumerated() {
            let inputs = width(given, storage)
            let weight = FrozenMatrix(
                columns: inputs, parts: [random(outputs, inputs, seed: UInt64(number)).values], storage: storage)
            let stored = Matrix(rows: outputs, columns: inputs, values: weight.values)
            for threads in [1, 2, 3] {
                let team = ComputeTeam(count: threads)
                let products = WeightProducts(
                    team: team, precision: precision, rows: n, inner: max(outputs, inputs))
                // Views with gaps between the rows, as the layers use them.
                let x = random(n, inputs + 3, seed: 100).columns(1..<inputs + 1)
                let y = random(n, outputs + 5, seed: 101).columns(2..<outputs + 2)
                let limit = precision == .float32 ? 2e-5 : 1.2e-2
                team.run { products.pack(x, rows: team.rows(n, part: $0)) }
                products.multiply(by: weight, .forward, into: y)
                #expect(distance(y, rows(x), transposed(rows(stored)), base: nil) < limit)
                let before = y.values
                products.multiply(by: weight, .forward, into: y, base: y)
                #expect(distance(y, rows(x), transposed(rows(stored)), base: before) < limit)

                let back = random(n, inputs, seed: 102)
                team.run { products.pack(y, rows: team.rows(n, part: $0)) }
                products.multiply(by: weight, .backward, into: back)
                #expect(distance(back, rows(y), rows(stored), base: nil) < limit)
            }
        }
    }

    @Test(arguments: ProductPrecision.allCases) func aPartOfTheInnerValuesAddsUp(precision: ProductPrecision) {
        let weight = FrozenMatrix(columns: 40, parts: [random(96, 40, seed: 1).values])
        let team = ComputeTeam(count: 2)
        let products = WeightProducts(team: team, precision: precision, rows: 20, inner: 96)
        let gradient = random(20, 96, seed: 2)
        let (whole, parts) = (Matrix(rows: 20, columns: 40), Matrix(rows: 20, columns: 40))
        team.run { products.pack(gradient, rows: team.rows(20, part: $0)) }
        products.multiply(by: weight, .backward, into: whole)
        for part in [0..<32, 32..<96] {
            let block = gradient.columns(part)
            team.run { products.pack(block, rows: team.rows(20, part: $0)) }
            products.multiply(
                by: weight, .backward, into: parts, base: part.lowerBound == 0 ? nil : parts, part: part)
        }
        for (a, b) in zip(whole.values, parts.values) { #expect(abs(a - b) < 1e-4) }
    }

    @Test(arguments: WeightStorage.allCases) func oneRowIsTheSameProduct(storage: WeightStorage) {
        for (outputs, given) in [(45, 77), (1, 64), (3, 130), (8, 5), (23, 128), (9, 1100), (5, 16_700)] {
            let inputs = width(given, storage)
            let weight = FrozenMatrix(
                columns: inputs, parts: [random(outputs, inputs, seed: 3).values], storage: storage)
            let stored = rows(Matrix(rows: outputs, columns: inputs, values: weight.values))
            let bias = FrozenMatrix(row: random(1, outputs, seed: 5).values)
            let x = random(1, inputs, seed: 4)
            // Sums of more terms are rounded more often.
            let limit = inputs > 2000 ? 6e-6 : 2e-6
            var results: [[Float]] = []
            for threads in [1, 2, 4] {
                let team = ComputeTeam(count: threads)
                let products = WeightProducts(team: team, precision: .float32, rows: 1, inner: inputs)
                let y = Matrix(rows: 1, columns: outputs)
                products.multiplyRows(x, by: weight, into: y)
                #expect(distance(y, rows(x), transposed(stored), base: nil) < limit)
                results.append(y.values)
                products.multiplyRows(x, by: weight, into: y, bias: bias)
                #expect(distance(y, rows(x), transposed(stored), base: bias.values) < limit)
            }
            // Rows are read side by side; which ones changes nothing.
            #expect(results[1] == results[0] && results[2] == results[0])
        }
    }

    /// A row's products are the same to the last bit whatever rows there are beside it.
    @Test(arguments: WeightStorage.allCases) func fewRowsAreTheSameProductEach(storage: WeightStorage) {
        for (outputs, given) in [(45, 77), (1, 64), (3, 130), (8, 5), (23, 128), (64, 1100), (13, 592), (1, 16_700)] {
            let inputs = width(given, storage)
            let weight = FrozenMatrix(
                columns: inputs, parts: [random(outputs, inputs, seed: 3).values], storage: storage)
            let bias = FrozenMatrix(row: random(1, outputs, seed: 5).values)
            for count in [2, 3, 4, 5, 9, 16, 19] {
                let x = random(count, inputs, seed: UInt64(count))
                let before = random(count, outputs, seed: 8)
                for threads in [1, 3] {
                    let team = ComputeTeam(count: threads)
                    let products = WeightProducts(team: team, precision: .float32, rows: 1, inner: inputs)
                    func result(_ rows: Range<Int>, base: Matrix?, bias: FrozenMatrix?) -> [Float] {
                        let y = Matrix(rows: rows.count, columns: outputs)
                        products.multiplyRows(
                            x.rows(rows), by: weight, into: y, base: base.map { $0.rows(rows) }, bias: bias)
                        return y.values
                    }
                    for (base, bias) in [(nil, nil), (before, nil), (nil, bias)] as [(Matrix?, FrozenMatrix?)] {
                        let alone = (0..<count).flatMap { result($0..<$0 + 1, base: base, bias: bias) }
                        #expect(result(0..<count, base: base, bias: bias) == alone)
                    }
                }
            }
        }
    }

    /// The largest sums that whole numbers can come to: every bit of every block set, all of x the same.
    @Test(arguments: WeightBlocks.Format.allCases) func theLargestQuantaFit(format: WeightBlocks.Format) throws {
        var bytes = [UInt8](repeating: 0xff, count: 5 * 512 / format.blockLength * format.blockSize)
        for start in stride(from: 0, to: bytes.count, by: format.blockSize) {
            // 1 in half precision.
            for half in format.halves { (bytes[start + half], bytes[start + half + 1]) = (0, 0x3c) }
        }
        let blocks = WeightBlocks(format: format, bytes: bytes)
        let weight = try FrozenMatrix(
            columns: 512, layout: [(5, format.storage)], makingParts: [{ .blocks(blocks) }])
        let stored = rows(Matrix(rows: 5, columns: 512, values: weight.values))
        let products = WeightProducts(team: ComputeTeam(count: 1), precision: .float32, rows: 1, inner: 512)
        for value in [Float(0.3), -0.3] {
            for count in [1, 4] {
                let x = Matrix(rows: count, columns: 512, values: [Float](repeating: value, count: count * 512))
                let y = Matrix(rows: count, columns: 5)
                products.multiplyRows(x, by: weight, into: y)
                #expect(distance(y, rows(x), transposed(stored), base: nil) < 2e-5)
            }
        }
    }

    /// What is not a number, or infinite, in x shows in every product, and the smallest numbers do no harm.
    @Test(arguments: WeightStorage.allCases) func whatIsNotFiniteShows(storage: WeightStorage) {
        let weight = FrozenMatrix(columns: 512, parts: [random(5, 512, seed: 3).values], storage: storage)
        let team = ComputeTeam(count: 1)
        let products = WeightProducts(team: team, precision: .float32, rows: 1, inner: 512)
        for rows in [1, 5] {
            for (value, isFinite) in [(Float.nan, false), (-.infinity, false), (1e-40, true)] {
                var values = random(rows, 512, seed: 4).values
                // In every row, as each row's products are its own.
                for row in 0..<rows { values[512 * row + 301] = value }
                if isFinite { values = values.map { $0 * 1e-40 } }
                let y = Matrix(rows: rows, columns: 5)
                products.multiplyRows(Matrix(rows: rows, columns: 512, values: values), by: weight, into: y)
                #expect(y.values.allSatisfy { $0.isFinite == isFinite && (!isFinite || abs($0) < 1e-36) })
            }
        }
    }

    @Test func storingRoundsAsStated() {
        let values = random(20, 50, seed: 6).values
        #expect(FrozenMatrix(columns: 50, parts: [values]).values == values)
        let half = FrozenMatrix(columns: 50, parts: [values], storage: .bfloat16).values
        // Eight bits of mantissa: half a unit in the last place is 1/256 of a power of two.
        for (a, b) in zip(values, half) { #expect(abs(a - b) <= abs(a) / 256 && b.bitPattern & 0xffff == 0) }
        #expect(FrozenMatrix(columns: 50, parts: [half], storage: .bfloat16).values == half)
        let bytes = FrozenMatrix(columns: 50, parts: [values], storage: .int8).values
        for row in 0..<20 {
            let own = row * 50..<(row + 1) * 50
            let largest = values[own].map(abs).max() ?? 0
            for index in own { #expect(abs(values[index] - bytes[index]) <= largest / 127 * 0.501) }
        }
        #expect(FrozenMatrix(columns: 2, parts: [[0, 0]], storage: .int8).values == [0, 0])
    }

    @Test(arguments: [WeightStorage.q40, .q41, .q80, .q81])
    func blocksRoundToTheNearestStep(storage: WeightStorage) {
        let steps: [WeightStorage: Double] = [.q40: 8, .q41: 15, .q80: 127, .q81: 255]
        let step = 1 / (steps[storage] ?? 1)
        let values = random(20, 96, seed: 6).values
        let kept = FrozenMatrix(columns: 96, parts: [values], storage: storage).values
        for start in stride(from: 0, to: values.count, by: 32) {
            let block = values[start..<start + 32]
            let least = block.min() ?? 0, most = block.max() ?? 0
            // The range that the steps span. The scale is rounded to half precision; four bits reach to +7 of 8 steps only.
            let range = storage == .q41 || storage == .q81 ? most - least : max(most, -least)
            let limit = step * Double(range) * (storage == .q40 ? 1.01 : 0.56)
            for index in block.indices { #expect(abs(Double(values[index] - kept[index])) <= limit) }
        }
        #expect(FrozenMatrix(columns: 32, parts: [Array(repeating: 0, count: 32)], storage: storage).values.max() == 0)
    }

    /// The K types lose so much of values that are normal, by the norm, and nothing of zeros.
    @Test(arguments: [(WeightStorage.q2K, 0.36), (.q3K, 0.17), (.q4K, 0.08), (.q5K, 0.04), (.q6K, 0.02)])
    func blocksOf256RoundToAboutAStep(storage: WeightStorage, limit: Double) {
        let values = random(6, 512, seed: 6).values
        let kept = FrozenMatrix(columns: 512, parts: [values], storage: storage).values
        let loss = zip(values, kept).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
        let distance = (loss / values.reduce(0.0) { $0 + pow(Double($1), 2) }).squareRoot()
        #expect(distance < limit && distance > limit / 3, "\(distance)")
        let zeros = FrozenMatrix(columns: 256, parts: [Array(repeating: 0, count: 256)], storage: storage)
        #expect(zeros.values == Array(repeating: 0, count: 256))
        #expect(zeros.byteCount == (storage.bytes(of: 256) + storage.scaleBytes(rows: 1, columns: 256) + 3) / 4 * 4)
    }

    /// A weight of 96 rows kept in two ways, as fused projections of a GGUF file can be.
    @Test(arguments: ProductPrecision.allCases) func partsKeptDifferentlyAreOneMatrix(
        precision: ProductPrecision
    ) throws {
        let (first, second) = (random(64, 96, seed: 1).values, random(32, 96, seed: 2).values)
        let mixed = try FrozenMatrix(
            columns: 96, layout: [(64, .q40), (32, .q80)], makingParts: [{ .values(first) }, { .values(second) }])
        let same =
            FrozenMatrix(columns: 96, parts: [first], storage: .q40).values
            + FrozenMatrix(columns: 96, parts: [second], storage: .q80).values
        #expect(mixed.values == same)
        let whole = FrozenMatrix(columns: 96, parts: [same])
        for threads in [1, 2, 3] {
            let team = ComputeTeam(count: threads)
            let products = WeightProducts(team: team, precision: precision, rows: 20, inner: 96)
            let x = random(20, 96, seed: 3)
            func results(_ weight: FrozenMatrix) -> [Float] {
                let (y, back) = (Matrix(rows: 20, columns: 96), Matrix(rows: 20, columns: 96))
                team.run { products.pack(x, rows: team.rows(20, part: $0)) }
                products.multiply(by: weight, .forward, into: y)
                products.multiply(by: weight, .backward, into: back)
                return y.values + back.values
            }
            // The panels are the same, so the products are to the last bit.
            #expect(results(mixed) == results(whole))
            let (one, other) = (Matrix(rows: 1, columns: 96), Matrix(rows: 1, columns: 96))
            products.multiplyRows(x.rows(0..<1), by: mixed, into: one)
            products.multiplyRows(x.rows(0..<1), by: whole, into: other)
            for (a, b) in zip(one.values, other.values) { #expect(abs(a - b) < 1e-4) }
        }
    }

    @Test func narrowProductsAgree() {
        for (n, ranks, width) in [(1, 1, 1), (7, 3, 20), (30, 8, 64), (13, 24, 100)] {
            let x = random(n, width, seed: 7)
            let a = random(ranks, width, seed: 8)
            let u = Matrix(rows: n, columns: ranks)
            u.assignRowProducts(x, a, scale: 0.5)
            #expect(distance(u, rows(x).map { $0.map { 0.5 * $0 } }, transposed(rows(a)), base: nil) < 2e-6)
            let back = random(n, width, seed: 9)
            let before = back.values
            back.addNarrowProduct(u, a)
            #expect(distance(back, rows(u), rows(a), base: before) < 2e-6)
            let gradient = Matrix(rows: ranks, columns: width)
            gradient.addNarrowProduct(u, transposingLeft: true, x)
            #expect(distance(gradient, transposed(rows(u)), rows(x), base: nil) < 2e-6)
        }
    }
}
