import Basics
import Foundation
import LinearAlgebra
import Testing

/// The elementwise kernels against the same formulas in double precision.
@Suite struct KernelTests {
    static let widths = [1, 7, 16, 33, 64, 129]

    private func random(_ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return Matrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(scale * generator.normal()) })
    }

    private func expectClose(_ found: Matrix, _ expected: (Int, Int) -> Double, tolerance: Double = 2e-6) {
        for row in 0..<found.rows {
            for column in 0..<found.columns {
                let wanted = expected(row, column)
                #expect(abs(Double(found[row, column]) - wanted) <= tolerance * max(1, abs(wanted)))
            }
        }
    }

    @Test(arguments: widths) func norm(width: Int) {
        // Views with gaps between the rows, as the layers use them.
        let x = random(5, width + 3, seed: 1).columns(2..<width + 2)
        let weight = random(1, width, seed: 2)
        let y = Matrix(rows: 5, columns: width)
        let inverse = Matrix(rows: 5, columns: 1)
        y.assignRMSNorm(of: x, weight: FrozenMatrix(row: weight.values), inverse: inverse, epsilon: 1e-3)
        func factor(_ row: Int) -> Double {
            let squares = (0..<width).reduce(0.0) { $0 + Double(x[row, $1]) * Double(x[row, $1]) }
            return 1 / (squares / Double(width) + 1e-3).squareRoot()
        }
        expectClose(y) { Double(x[$0, $1]) * factor($0) * Double(weight[0, $1]) }
        expectClose(inverse) { row, _ in factor(row) }
    }

    @Test(arguments: widths) func gatedUnit(width: Int) {
        let gateUp = random(3, 2 * width, seed: 3, scale: 4)
        let y = Matrix(rows: 3, columns: width)
        y.assignGatedUnit(gateUp)
        func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
        expectClose(y) { silu(Double(gateUp[$0, $1])) * Double(gateUp[$0, $1 + width]) }
    }

    @Test func extremesOfTheGatedUnitStayFinite() {
        let y = Matrix(rows: 1, columns: 4)
        y.assignGatedUnit(Matrix(rows: 1, columns: 8, values: [-1e30, -200, 200, 1e30, 1, 1, 1, 1]))
        #expect(y.values[0].isFinite && abs(y.values[1]) < 1e-30)
        #expect(y.values[2] == 200 && y.values[3] == 1e30)
    }

    @Test(arguments: widths) func crossEntropy(width: Int) {
        let raw = random(3, width, seed: 5, scale: 8)
        let logits = Matrix(rows: 3, columns: width, values: raw.values)
        let losses = Matrix(rows: 3, columns: 1)
        let labels = [0, Int32(width / 2), Int32(width - 1)]
        logits.applyCrossEntropy(labels: labels[...], losses: losses, gradientScale: 0.5)
        func logSum(_ row: Int) -> Double { log((0..<width).reduce(0.0) { $0 + exp(Double(raw[row, $1])) }) }
        expectClose(losses) { row, _ in logSum(row) - Double(raw[row, Int(labels[row])]) }
        expectClose(logits) { row, column in
            0.5 * (exp(Double(raw[row, column]) - logSum(row)) - (Int(labels[row]) == column ? 1 : 0))
        }
    }

    @Test func rotationTurnsPairsAndBack() {
        let table = RotaryTable(
            positions: 0..<50, frequencies: (0..<3).map { pow(10_000, -Double($0) / 3) })
        let x = random(3, 12, seed: 6)
        let original = x.values
        let positions: [Int32] = [0, 7, 49]
        table.rotate(x, positions: positions[...])
        expectClose(x) { row, column in
            let (head, place) = (column / 6 * 6, column % 6)
            let angle = Double(positions[row]) * pow(10_000, -2 * Double(place % 3) / 6)
            let low = Double(original[row * 12 + head + place % 3])
            let high = Double(original[row * 12 + head + place % 3 + 3])
            return place < 3 ? low * cos(angle) - high * sin(angle) : high * cos(angle) + low * sin(angle)
        }
        table.rotate(x, positions: positions[...], backward: true)
        expectClose(x) { row, column in Double(original[row * 12 + column]) }
    }

    @Test func dropoutKeepsTheMeanAndItsPlaces() {
        let ones = Matrix(rows: 100, columns: 100, values: [Float](repeating: 1, count: 10_000))
        let first = Matrix(rows: 100, columns: 100)
        first.assignDropout(of: ones, Dropout(key: 0x1234_5678_9abc_def0, probability: 0.25))
        let kept = first.values.count { $0 != 0 }
        // Six standard deviations of a binomial with 10,000 trials.
        #expect(abs(Double(kept) - 7500) < 6 * (10_000 * 0.25 * 0.75).squareRoot())
        #expect(first.values.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
        let again = Matrix(rows: 100, columns: 100)
        again.assignDropout(of: ones, Dropout(key: 0x1234_5678_9abc_def0, probability: 0.25), adding: true)
        #expect(again.values == first.values)
        again.assignDropout(of: ones, Dropout(key: 0x1234_5678_9abc_def1, probability: 0.25))
        let same = zip(again.values, first.values).count { $0 == $1 }
        #expect(abs(Double(same) - 6250) < 6 * (10_000 * 0.625 * 0.375).squareRoot())
    }
}
