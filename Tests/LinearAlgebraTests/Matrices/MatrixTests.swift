import Basics
import LinearAlgebra
import Testing

@Suite struct MatrixTests {
    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return Matrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(generator.normal()) })
    }

    @Test(arguments: [false, true], [false, true]) func productsTransposeAndAdd(left: Bool, right: Bool) {
        let a = left ? random(5, 4, seed: 1) : random(4, 5, seed: 1)
        let b = (right ? random(6, 8, seed: 2) : random(8, 6, seed: 2))
        // Views inside larger matrices.
        let bPart = right ? b.columns(2..<7) : b.rows(2..<7)
        let c = random(4, 9, seed: 3)
        let before = c.values
        c.columns(1..<7).assignProduct(
            a, transposingLeft: left, bPart, transposingRight: right, scale: 0.5, adding: true)
        for row in 0..<4 {
            for column in 0..<9 {
                var expected = Double(before[row * 9 + column])
                if (1..<7).contains(column) {
                    for inner in 0..<5 {
                        let x = left ? a[inner, row] : a[row, inner]
                        let y = right ? bPart[column - 1, inner] : bPart[inner, column - 1]
                        expected += 0.5 * Double(x) * Double(y)
                    }
                }
                #expect(abs(Double(c[row, column]) - expected) < 1e-5)
            }
        }
    }

    @Test func spreadingUndoesGathering() {
        let x = random(6, 3, seed: 7)
        let part = Matrix(rows: 2, columns: 3)
        part.gather(rows: [4, 1], of: x)
        #expect(part.values == Array(x.values[12..<15] + x.values[3..<6]))
        for indices: [Int32] in [[], [0], [5], [0, 1, 2], [1, 2, 5], [0, 3, 4], [0, 1, 2, 3, 4, 5]] {
            let back = random(6, 3, seed: 8)
            back.rows(0..<indices.count).gather(rows: indices[...], of: x)
            back.spread(rows: indices)
            for row in 0..<6 {
                #expect(
                    back.rows(row..<row + 1).values
                        == (indices.contains(Int32(row)) ? x.rows(row..<row + 1).values : [0, 0, 0]))
            }
        }
    }

    @Test func anArenaIsAsLargeAsWhatIsCutFromIt() {
        var calls = 0
        let matrices = Arena.planned { arena in
            calls += 1
            return [(3, 5), (0, 7), (4, 0), (1, 16), (33, 2)].map { arena.matrix(rows: $0.0, columns: $0.1) }
        }
        #expect(calls == 2)
        #expect(matrices.map(\.rows) == [3, 0, 4, 1, 33] && matrices.map(\.columns) == [5, 7, 0, 16, 2])
        // No two lie over one another: what one is filled with leaves the others as they were.
        for (index, matrix) in matrices.enumerated() { matrix.fill(Float(index + 1)) }
        for (index, matrix) in matrices.enumerated() {
            #expect(matrix.values.allSatisfy { $0 == Float(index + 1) })
        }
    }
}
