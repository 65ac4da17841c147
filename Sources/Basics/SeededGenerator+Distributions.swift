import Foundation

extension SeededGenerator {
    /// A sample of the standard normal distribution (Box–Muller; the second value of the pair is discarded so that the
    /// state alone determines what comes next).
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }

    /// A sample of Gamma(`shape`, 1) by Marsaglia and Tsang (2000), with their boost for shapes below one.
    package mutating func gamma(shape: Double) -> Double {
        precondition(shape > 0, "a gamma distribution's shape is positive")
        if shape < 1 {
            let boost = pow(1 - uniform(), 1 / shape)
            return gamma(shape: shape + 1) * boost
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            guard v > 0 else { continue }
            let u = 1 - uniform()
            if log(u) < 0.5 * x * x + d - d * v + d * log(v) {
                return d * v
            }
        }
    }

    /// A sample of the symmetric Dirichlet distribution over `count` parts, each with concentration `alpha`.
    package mutating func dirichlet(count: Int, alpha: Double) -> [Double] {
        precondition(count > 0, "a Dirichlet distribution has at least one part")
        let draws = (0..<count).map { _ in gamma(shape: alpha) }
        let sum = draws.reduce(0, +)
        // With a tiny alpha all draws may underflow to zero: then one part takes all.
        guard sum > 0 else {
            let winner = Int.random(in: 0..<count, using: &self)
            return (0..<count).map { $0 == winner ? 1 : 0 }
        }
        return draws.map { $0 / sum }
    }
}
