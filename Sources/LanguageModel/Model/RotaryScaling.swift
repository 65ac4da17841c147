internal import Foundation

/// How the rotary position embedding's frequencies are changed for contexts longer than those of the pre-training: the
/// `rope_type` of `config.json`, with the formulas of transformers.
package enum RotaryScaling: Sendable, Hashable {
    /// Not at all.
    case none
    /// All frequencies divided by `factor` (position interpolation; Chen et al., 2023).
    case linear(factor: Double)
    /// A base that grows with sequences longer than `original` tokens (dynamic NTK).
    case dynamic(factor: Double, original: Int)
    /// Long waves divided by `factor`, short ones kept, a ramp between (Llama 3.1).
    case llama3(factor: Double, low: Double, high: Double, original: Int)
    /// As `llama3` with a ramp over the pairs, and cosines and sines multiplied by `magnitude` (YaRN; Peng et al., 2023).
    case yarn(factor: Double, fast: Double, slow: Double, original: Int, magnitude: Double, truncates: Bool)
    /// A divisor for each pair, `long` for sequences longer than `original` tokens (LongRoPE; Ding et al., 2024).
    case longRoPE(short: [Double], long: [Double], original: Int, magnitude: Double)

    /// Tells apart the lengths of a sequence that need different frequencies: equal numbers, equal frequencies. Zero is
    /// that of short sequences.
    package func variant(length: Int) -> Int {
        switch self {
        case .none, .linear, .llama3, .yarn: 0
        case .dynamic(_, let original): length > original ? length : 0
        case .longRoPE(_, _, let original, _): length > original ? 1 : 0
        }
    }

    /// What cosines and sines are multiplied by.
    package var magnitude: Double {
        switch self {
        case .none, .linear, .dynamic, .llama3: 1
        case .yarn(_, _, _, _, let magnitude, _), .longRoPE(_, _, _, let magnitude): magnitude
        }
    }

    /// The frequency of each of the headSize / 2 pairs, in radians a position, for a sequence of `length` tokens.
    package func frequencies(base: Double, headSize: Int, length: Int) -> [Double] {
        let pairs = 0..<headSize / 2
        func plain(_ base: Double) -> [Double] { pairs.map { pow(base, -2 * Double($0) / Double(headSize)) } }
        switch self {
        case .none: return plain(base)
        case .linear(let factor): return plain(base).map { $0 / factor }
        case .dynamic(let factor, let original):
            guard length > original, headSize > 2 else { return plain(base) }
            let growth = factor * Double(length) / Double(original) - (factor - 1)
            return plain(base * pow(growth, Double(headSize) / Double(headSize - 2)))
        case .llama3(let factor, let low, let high, let original):
            return plain(base).map { frequency in
                // How often the wave fits into the original context.
                let turns = Double(original) * frequency / (2 * Double.pi)
                if turns > high { return frequency }
                if turns < low { return frequency / factor }
                let kept = (turns - low) / (high - low)
                return (1 - kept) * frequency / factor + kept * frequency
            }
        case .yarn(let factor, let fast, let slow, let original, _, let truncates):
            func pair(turning turns: Double) -> Double {
                Double(headSize) * log(Double(original) / (turns * 2 * Double.pi)) / (2 * log(base))
            }
            let first = truncates ? pair(turning: fast).rounded(.down) : pair(turning: fast)
            let last = truncates ? pair(turning: slow).rounded(.up) : pair(turning: slow)
            let start = max(first, 0)
            let end = min(last, Double(headSize - 1))
            let width = start == end ? 0.001 : end - start
            return zip(pairs, plain(base)).map { pair, frequency in
                let ramp = min(1, max(0, (Double(pair) - start) / width))
                return frequency / factor * ramp + frequency * (1 - ramp)
            }
        case .longRoPE(let short, let long, let original, _):
            return zip(plain(base), length > original ? long : short).map { $0 / $1 }
        }
    }
}
