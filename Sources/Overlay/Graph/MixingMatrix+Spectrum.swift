import Foundation

extension MixingMatrix {
    /// The matrix `D^½ W D^-½` with `D = diag(stationary)`: symmetric, because W is reversible, and of W's eigenvalues.
    private var symmetrised: [[Entry]] {
        let roots = stationary.map { $0.squareRoot() }
        return rows.enumerated().map { row, entries in
            entries.map { entry in
                let column = entry.column
                guard column != row else { return entry }
                // Both halves are equal but for rounding; their mean is exactly symmetric.
                let here = entry.weight * roots[row] / roots[column]
                let there = self[column, row] * roots[column] / roots[row]
                return Entry(column: column, weight: row > column ? (here + there) / 2 : (there + here) / 2)
            }
        }
    }

    /// `D^½ W D^-½` of any matrix, row by row: it maps distances from the mean, as the norm weighted by `stationary` has them.
    private var scaled: [[Entry]] {
        let roots = stationary.map { $0.squareRoot() }
        return rows.enumerated().map { row, entries in
            entries.filter { $0.weight != 0 }
                .map { Entry(column: $0.column, weight: $0.weight * roots[row] / roots[$0.column]) }
        }
    }

    /// All eigenvalues, descending, by cyclic Jacobi rotations (Golub and Van Loan, §8.5): O(n³) a sweep, a few sweeps.
    package var eigenvalues: [Double] {
        var matrix = [Double](repeating: 0, count: count * count)
        for (row, entries) in symmetrised.enumerated() {
            for entry in entries { matrix[row * count + entry.column] = entry.weight }
        }
        for _ in 0..<60 {
            var outside = 0.0
            for row in 0..<count {
                for column in 0..<row { outside += matrix[row * count + column] * matrix[row * count + column] }
            }
            if outside < 1e-26 { break }
            for row in 1..<max(1, count) {
                for column in 0..<row { rotate(&matrix, row, column) }
            }
        }
        return (0..<count).map { matrix[$0 * count + $0] }.sorted(by: >)
    }

    /// Turns the plane of coordinates p and q so that the element between them vanishes.
    private func rotate(_ matrix: inout [Double], _ p: Int, _ q: Int) {
        let off = matrix[p * count + q]
        guard abs(off) > 1e-300 else { return }
        let theta = (matrix[q * count + q] - matrix[p * count + p]) / (2 * off)
        let tangent = (theta >= 0 ? 1.0 : -1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
        let cosine = 1 / (tangent * tangent + 1).squareRoot()
        let sine = tangent * cosine
        for k in 0..<count {
            let kp = matrix[k * count + p], kq = matrix[k * count + q]
            matrix[k * count + p] = cosine * kp - sine * kq
            matrix[k * count + q] = sine * kp + cosine * kq
        }
        for k in 0..<count {
            let pk = matrix[p * count + k], qk = matrix[q * count + k]
            matrix[p * count + k] = cosine * pk - sine * qk
            matrix[q * count + k] = sine * pk + cosine * qk
        }
    }

    /// The second largest modulus among the eigenvalues: the factor by which the distance from the mean shrinks in a
    /// round at worst, in the norm weighted by `stationary`. Zero for a single peer.
    ///
    /// Exact up to 200 peers; above, by power iteration on the square of the matrix without its fixed direction, which
    /// approaches it from below.
    package var secondEigenvalueModulus: Double {
        guard count > 1 else { return 0 }
        if count <= 200 {
            let values = eigenvalues
            return min(1, max(abs(values[1]), abs(values[count - 1])))
        }
        return min(1, powerIteration())
    }

    /// `1 − secondEigenvalueModulus`.
    package var spectralGap: Double { 1 - secondEigenvalueModulus }

    /// The least number of rounds after which any start has come nearer to the mean by the factor `bound`:
    /// `ln(1 / bound) / −ln σ₂`, rounded up; nil when it never does.
    package func rounds(to bound: Double) -> Int? { Self.rounds(to: bound, modulus: secondEigenvalueModulus) }

    /// The same where σ₂, the second largest modulus, is known.
    package static func rounds(to bound: Double, modulus: Double) -> Int? {
        precondition(bound > 0 && bound < 1, "a bound is between zero and one")
        if modulus <= 1e-9 { return 1 }
        guard modulus < 1 - 1e-12 else { return nil }
        return max(1, Int((log(bound) / log(modulus)).rounded(.up)))
    }

    /// The factor by which the distance from the mean shrinks in the long run while these mix one after the other, again and
    /// again: the spectral radius of their product without its fixed direction. Zero where the mean is reached exactly.
    ///
    /// By the growth of a vector over many periods, so that pairs of complex eigenvalues do no harm.
    package static func contraction(of turns: [MixingMatrix]) -> Double {
        guard let first = turns.first, first.count > 1 else { return 0 }
        let all = turns.map(\.scaled)
        let fixed = first.stationary.map { $0.squareRoot() }
        var vector = (0..<first.count).map { sin(Double($0 + 1) * 12.9898) }
        let periods = 1000
        var logarithm = 0.0
        for period in 0..<periods {
            let along = zip(vector, fixed).reduce(0.0) { $0 + $1.0 * $1.1 }
            for index in vector.indices { vector[index] -= along * fixed[index] }
            let scale = 1 / max(vector.reduce(0.0) { $0 + $1 * $1 }.squareRoot(), 1e-300)
            for index in vector.indices { vector[index] *= scale }
            for rows in all {
                vector = rows.map { entries in entries.reduce(0.0) { $0 + $1.weight * vector[$1.column] } }
            }
            let norm = vector.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
            if norm < 1e-12 { return 0 }
            if period >= periods / 2 { logarithm += log(norm) }
        }
        return min(1, exp(logarithm / Double(periods - periods / 2)))
    }

    /// After how many of `turns` everybody has the mean, whatever they began with; nil where a period does not do it.
    package static func roundsToMean(of turns: [MixingMatrix]) -> Int? {
        guard let first = turns.first else { return nil }
        let fixed = first.stationary.map { $0.squareRoot() }
        var vector = (0..<first.count).map { sin(Double($0 + 1) * 12.9898) }
        let along = zip(vector, fixed).reduce(0.0) { $0 + $1.0 * $1.1 }
        for index in vector.indices { vector[index] -= along * fixed[index] }
        return turns.indices.first { turn in
            vector = turns[turn].scaled.map { entries in entries.reduce(0.0) { $0 + $1.weight * vector[$1.column] } }
            return vector.allSatisfy { abs($0) < 1e-12 }
        }.map { $0 + 1 }
    }

    private func powerIteration() -> Double {
        let rows = symmetrised
        let fixed = stationary.map { $0.squareRoot() }
        var vector = (0..<count).map { sin(Double($0 + 1) * 12.9898) }
        var norm = 0.0
        var previous = 0.0
        // Of thousands of peers the eigenvalues lie close together and the last digits take long; nobody needs them.
        let tolerance = count <= 2000 ? 1e-13 : 1e-8
        for iteration in 0..<20_000 {
            let along = zip(vector, fixed).reduce(0.0) { $0 + $1.0 * $1.1 }
            for index in vector.indices { vector[index] -= along * fixed[index] }
            let scale = 1 / max(vector.reduce(0.0) { $0 + $1 * $1 }.squareRoot(), 1e-300)
            for index in vector.indices { vector[index] *= scale }
            for _ in 0..<2 {
                vector = rows.map { entries in entries.reduce(0.0) { $0 + $1.weight * vector[$1.column] } }
            }
            norm = vector.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
            // Nothing but rounding is left, and scaling it up would find the fixed direction again.
            if norm < 1e-14 { return 0 }
            if iteration > 50 && abs(norm - previous) < tolerance { break }
            previous = norm
        }
        return norm.squareRoot()
    }
}
