import Basics
import LinearAlgebra
import Testing

@Suite struct DoubleMatrixTests {
    static let shapes = [(1, 1), (7, 3), (3, 7), (40, 40), (65, 24), (24, 65)]

    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> DoubleMatrix {
        var generator = SeededGenerator(seed: seed)
        return DoubleMatrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in generator.normal() })
    }

    private func distance(_ left: DoubleMatrix, _ right: DoubleMatrix) -> Double {
        (left - right).squaredNorm.squareRoot()
    }

    private func identity(_ size: Int) -> DoubleMatrix {
        var matrix = DoubleMatrix(rows: size, columns: size)
        for place in 0..<size { matrix[place, place] = 1 }
        return matrix
    }

    @Test(arguments: shapes) func productsAreSumsOfProducts(rows: Int, columns: Int) {
        let (a, b) = (random(rows, columns, seed: 1), random(columns, 5, seed: 2))
        let product = a.product(b)
        for row in 0..<rows {
            for column in 0..<5 {
                let expected = (0..<columns).reduce(0.0) { $0 + a[row, $1] * b[$1, column] }
                #expect(abs(product[row, column] - expected) < 1e-11)
            }
        }
        #expect(distance(a.transposed.product(transposed: true, b), product) < 1e-11)
        #expect(distance(a.product(b.transposed, transposingRight: true), product) < 1e-11)
        #expect(distance(a.gram, a.product(transposed: true, a)) < 1e-11)
    }

    @Test(arguments: shapes) func qrGivesTheMatrixAndOrthonormalColumns(rows: Int, columns: Int) {
        let matrix = random(rows, columns, seed: 3)
        let qr = matrix.thinQR
        #expect(qr.rank == min(rows, columns))
        let q = qr.expanded(identity(qr.rank))
        #expect(distance(q.product(qr.upper), matrix) < 1e-11)
        #expect(distance(q.gram, identity(qr.rank)) < 1e-12)
        for column in 0..<columns {
            for row in (column + 1)..<max(qr.rank, column + 1) { #expect(qr.upper[row, column] == 0) }
        }
    }

    @Test(arguments: shapes) func singularValuesGiveTheMatrix(rows: Int, columns: Int) throws {
        let matrix = random(rows, columns, seed: 4)
        let parts = try #require(matrix.singularValues)
        #expect(parts.values.count == min(rows, columns) && parts.values == parts.values.sorted(by: >))
        var scaled = parts.left
        scaled.scaleColumns(by: parts.values)
        #expect(distance(scaled.product(parts.right), matrix) < 1e-11)
        #expect(distance(parts.left.gram, identity(parts.values.count)) < 1e-12)
        #expect(distance(parts.right.transposed.gram, identity(parts.values.count)) < 1e-12)
    }

    @Test(arguments: shapes) func theSameMatrixGivesTheSameBits(rows: Int, columns: Int) throws {
        let matrix = random(rows, columns, seed: 5)
        let first = try #require(matrix.singularValues)
        for _ in 0..<3 {
            // Elsewhere in memory.
            let copy = DoubleMatrix(rows: rows, columns: columns, values: matrix.values.map { $0 })
            let second = try #require(copy.singularValues)
            #expect(second.values == first.values && second.left == first.left && second.right == first.right)
            #expect(copy.thinQR.upper == matrix.thinQR.upper)
        }
    }

    @Test(arguments: [Double.nan, .infinity]) func whatIsNotFiniteHasNoSingularValues(value: Double) {
        #expect(DoubleMatrix(rows: 2, columns: 1, values: [1, value]).singularValues == nil)
    }

    @Test func emptyMatricesAreTaken() throws {
        let empty = DoubleMatrix(rows: 3, columns: 0)
        #expect(empty.thinQR.rank == 0 && empty.gram.values.isEmpty)
        #expect(try #require(empty.singularValues).values.isEmpty)
        #expect(empty.product(DoubleMatrix(rows: 0, columns: 2)).values == [Double](repeating: 0, count: 6))
    }
}
