import Basics
import Foundation
import LinearAlgebra
import Testing

/// Attention of one head against the formula in double precision, and its gradients against finite differences.
@Suite struct HeadAttentionTests {
    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(generator.normal()) })
    }

    /// The output and the logarithms of the sums, in double precision.
    private func exact(
        _ q: [[Double]], _ k: [[Double]], _ v: [[Double]], window: Int
    ) -> (output: [[Double]], sums: [Double]) {
        var output: [[Double]] = []
        var sums: [Double] = []
        for (row, query) in q.enumerated() {
            let position = k.count - q.count + row
            let seen = max(0, position + 1 - window)...position
            let scores = seen.map { key in
                zip(query, k[key]).reduce(0) { $0 + $1.0 * $1.1 } / Double(query.count).squareRoot()
            }
            let largest = scores.max() ?? 0
            let sum = scores.reduce(0) { $0 + exp($1 - largest) }
            sums.append(largest + log(sum))
            output.append(
                query.indices.map { column in
                    zip(seen, scores).reduce(0) { $0 + exp($1.1 - largest) / sum * v[$1.0][column] }
                })
        }
        return (output, sums)
    }

    private func rows(_ matrix: Matrix) -> [[Double]] {
        (0..<matrix.rows).map { row in (0..<matrix.columns).map { Double(matrix[row, $0]) } }
    }

    @Test(arguments: [(1, 1, 8), (3, 40, 16), (70, 70, 64), (20, 100, 20), (49, 49, 80)], [5, 33, 1000])
    func forwardAgreesWithTheFormula(sizes: (queries: Int, keys: Int, head: Int), window: Int) {
        let (n, m, size) = sizes
        let joint = random(m, 3 * size + 7, seed: 1)
        let queries = random(n, size + 2, seed: 2).columns(1..<size + 1)
        let (keys, values) = (joint.columns(0..<size), joint.columns(size..<2 * size))
        let expected = exact(rows(queries), rows(keys), rows(values), window: window)
        for precision in ProductPrecision.allCases {
            let output = Matrix(rows: n, columns: size)
            let sums = Matrix(rows: n, columns: 1)
            let attention = HeadAttention(longest: m, headSize: size, trains: false, precision: precision)
            attention.load(keys: keys, values: values)
            let cut = n / 3
            for piece in [0..<cut, cut..<n] where !piece.isEmpty {
                attention.forward(queries: queries, output: output, logSums: sums, rows: piece, window: window)
            }
            let limit = precision == .float32 ? 1e-5 : 0.04
            for row in 0..<n {
                #expect(abs(Double(sums[row, 0]) - expected.sums[row]) < limit * max(1, abs(expected.sums[row])))
                for column in 0..<size {
                    #expect(abs(Double(output[row, column]) - expected.output[row][column]) < limit)
                }
            }
        }
    }

    @Test(arguments: [1, 5, 40, 130], [3, 32, 1000]) func oneQueryIsTheSame(keys m: Int, window: Int) {
        let joint = random(m, 2 * 20 + 3, seed: 11)
        let (keys, values) = (joint.columns(1..<21), joint.columns(21..<41))
        let query = random(1, 20, seed: 12)
        let (output, sums) = (Matrix(rows: 1, columns: 20), Matrix(rows: 1, columns: 1))
        HeadAttention(longest: m, headSize: 20, trains: false).forwardRow(
            query: query, keys: keys, values: values, output: output, logSums: sums, window: window)
        let expected = exact(rows(query), rows(keys), rows(values), window: window)
        #expect(abs(Double(sums[0, 0]) - expected.sums[0]) < 1e-5 * max(1, abs(expected.sums[0])))
        for column in 0..<20 { #expect(abs(Double(output[0, column]) - expected.output[0][column]) < 1e-5) }
    }

    @Test(arguments: [(5, 8), (60, 16), (100, 64)], [7, 1000])
    func backwardAgreesWithFiniteDifferences(sizes: (tokens: Int, head: Int), window: Int) {
        let (n, size) = sizes
        let (q, k, v) = (random(n, size, seed: 3), random(n, size, seed: 4), random(n, size, seed: 5))
        let weights = random(n, size, seed: 6)
        for precision in ProductPrecision.allCases {
            let directions = gradientsAlongRandomDirections(q, k, v, weights, window: window, precision)
            for (found, expected) in directions {
                // A direction's derivative is a sum of n · size terms; bfloat16 rounds each.
                let limit = precision == .float32 ? 1e-3 : 0.02 * Double(n * size).squareRoot()
                #expect(abs(found - expected) < limit * max(1, precision == .float32 ? abs(expected) : 1))
            }
        }
    }

    @Test(arguments: [(16, 1, 8), (40, 60, 16), (33, 100, 64)], [7, 1000])
    func aSequenceInTwoPlacesIsTheSame(sizes: (prefix: Int, own: Int, head: Int), window: Int) {
        let (first, n, size) = sizes
        let m = first + n
        let (q, k, v) = (random(m, size, seed: 3), random(m, size, seed: 4), random(m, size, seed: 5))
        let (prefix, own) = (0..<first, first..<m)
        for precision in ProductPrecision.allCases {
            let attention = HeadAttention(longest: m, headSize: size, trains: true, precision: precision)
            let apart = HeadAttention(longest: m, headSize: size, trains: true, precision: precision)
            attention.load(keys: k, values: v, backward: true)
            apart.load(
                prefix: (k.rows(prefix), v.rows(prefix)), keys: k.rows(own), values: v.rows(own), backward: true)
            let (output, sums) = (Matrix(rows: n, columns: size), Matrix(rows: n, columns: 1))
            let (otherOutput, otherSums) = (Matrix(rows: n, columns: size), Matrix(rows: n, columns: 1))
            attention.forward(queries: q.rows(own), output: output, logSums: sums, rows: 0..<n, window: window)
            apart.forward(queries: q.rows(own), output: otherOutput, logSums: otherSums, rows: 0..<n, window: window)
            #expect(otherOutput.values == output.values && otherSums.values == sums.values)

            let weights = random(n, size, seed: 6)
            func gradients(_ keys: Matrix, _ values: Matrix, _ queries: Matrix) -> HeadAttention.Gradients {
                HeadAttention.Gradients(
                    queries: q.rows(own), output: output, outputGradient: weights, logSums: sums,
                    queryGradient: queries, keyGradient: keys, valueGradient: values)
            }
            let (dq, dk, dv) = (
                Matrix(rows: n, columns: size), Matrix(rows: m, columns: size), Matrix(rows: m, columns: size)
            )
            let (eq, ek, ev) = (
                Matrix(rows: n, columns: size), Matrix(rows: m, columns: size), Matrix(rows: m, columns: size)
            )
            for piece in [0..<n / 2, n / 2..<n] where !piece.isEmpty {
                attention.backward(gradients(dk, dv, dq), rows: piece, window: window)
                apart.backward(
                    gradients(ek.rows(own), ev.rows(own), eq), prefix: (ek.rows(prefix), ev.rows(prefix)), rows: piece,
                    window: window)
            }
            #expect(eq.values == dq.values)
            for (a, b) in zip(ek.values + ev.values, dk.values + dv.values) {
                #expect(abs(a - b) <= 1e-5 * max(1, abs(b)))
            }

            // Keys and values before the queries' own have the gradients that the formula says.
            let (queries, keys, values) = (rows(q.rows(own)), rows(k), rows(v))
            let wanted = rows(weights)
            func value(_ keys: [[Double]], _ values: [[Double]]) -> Double {
                zip(exact(queries, keys, values, window: window).output, wanted)
                    .reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 } }
            }
            for (gradient, isKey) in [(dk, true), (dv, false)] {
                let direction = rows(random(m, size, seed: isKey ? 30 : 31))
                func moved(_ step: Double) -> Double {
                    let other = zip(isKey ? keys : values, direction).map { zip($0, $1).map { $0 + step * $1 } }
                    return isKey ? value(other, values) : value(keys, other)
                }
                let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4
                let along = zip(rows(gradient), direction).reduce(0) {
                    $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 }
                }
                let limit = precision == .float32 ? 1e-3 * max(1, abs(slope)) : 0.02 * Double(m * size).squareRoot()
                #expect(abs(along - slope) < limit)
            }
        }
    }

    /// For queries, keys and values: the gradient's part along a random direction, and the derivative along it.
    private func gradientsAlongRandomDirections(
        _ q: Matrix, _ k: Matrix, _ v: Matrix, _ weights: Matrix, window: Int, _ precision: ProductPrecision
    ) -> [(found: Double, expected: Double)] {
        let (n, size) = (q.rows, q.columns)
        let output = Matrix(rows: n, columns: size)
        let sums = Matrix(rows: n, columns: 1)
        let attention = HeadAttention(longest: n, headSize: size, trains: true, precision: precision)
        attention.load(keys: k, values: v, backward: true)
        attention.forward(queries: q, output: output, logSums: sums, rows: 0..<n, window: window)
        let (dq, dk, dv) = (random(n, size, seed: 7), Matrix(rows: n, columns: size), Matrix(rows: n, columns: size))
        let head = HeadAttention.Gradients(
            queries: q, output: output, outputGradient: weights, logSums: sums, queryGradient: dq, keyGradient: dk,
            valueGradient: dv)
        for piece in [0..<n / 2, n / 2..<n] { attention.backward(head, rows: piece, window: window) }

        // The gradient of the sum of weights · output along random directions.
        let inputs = [rows(q), rows(k), rows(v)]
        let wanted = rows(weights)
        func value(_ inputs: [[[Double]]]) -> Double {
            zip(exact(inputs[0], inputs[1], inputs[2], window: window).output, wanted)
                .reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        return [dq, dk, dv].enumerated().map { place, gradient in
            let direction = rows(random(n, size, seed: UInt64(20 + place)))
            let sides = [1e-4, -1e-4].map { step in
                var moved = inputs
                for row in 0..<n {
                    for column in 0..<size { moved[place][row][column] += step * direction[row][column] }
                }
                return value(moved)
            }
            let along = zip(rows(gradient), direction).reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 } }
            return (along, (sides[0] - sides[1]) / 2e-4)
        }
    }
}
