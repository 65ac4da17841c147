import Foundation
package import Storage

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
            // With one pair alone the exponent below would have no value.
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
            // transformers' small number where the ramp would have no width.
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

extension RotaryScaling {
    /// The values of `rope_type` that are computed.
    package static let supportedTypes = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"]

    /// Reads `rope_parameters`, or `rope_scaling` of older checkpoints, of a `config.json`; `file` names it in errors.
    ///
    /// - Throws: `ModelError` for other types, and for values that are missing or out of range.
    package init(json: JSONValue, headSize: Int, file: String) throws(ModelError) {
        guard let section = try RotarySection(json: json, file: file) else {
            self = .none
            return
        }
        let type = section.value["rope_type"]?.text ?? section.value["type"]?.text ?? "default"
        switch type {
        case "default", "none": self = .none
        case "linear": self = .linear(factor: try section.number("factor"))
        case "dynamic":
            // transformers takes the model's own maximum here, whatever the section says.
            guard let longest = section.longest, longest > 1 else {
                throw section.invalid("max_position_embeddings is missing")
            }
            self = .dynamic(factor: try section.number("factor"), original: longest)
        case "llama3":
            let low = try section.number("low_freq_factor")
            let high = try section.number("high_freq_factor")
            guard high > low else { throw section.invalid("high_freq_factor is not above low_freq_factor") }
            self = .llama3(
                factor: try section.number("factor"), low: low, high: high, original: try section.original())
        case "yarn": self = try .yarn(section)
        // `su` is the name in the first files of Phi-3.
        case "longrope", "su": self = try .longRoPE(section, pairs: headSize / 2)
        default:
            throw .unsupported(
                file: file, feature: "\(section.key) of type \(type.prefix(100))",
                supported: Self.supportedTypes.joined(separator: ", "))
        }
    }

    private static func yarn(_ section: RotarySection) throws(ModelError) -> RotaryScaling {
        let context = try section.original()
        let factor = try section.number("factor", default: Double(section.longest ?? context) / Double(context))
        if section.value["mscale"]?.double != nil || section.value["mscale_all_dim"]?.double != nil {
            throw .unsupported(
                file: section.file, feature: "\(section.key) with mscale", supported: "attention_factor")
        }
        // YaRN's temperature of attention, as what cosines and sines are multiplied by.
        let usual = factor <= 1 ? 1 : 0.1 * log(factor) + 1
        return .yarn(
            factor: factor, fast: try section.number("beta_fast", default: 32),
            slow: try section.number("beta_slow", default: 1), original: context,
            magnitude: try section.number("attention_factor", default: usual),
            truncates: section.value["truncate"]?.bool ?? true)
    }

    private static func longRoPE(_ section: RotarySection, pairs: Int) throws(ModelError) -> RotaryScaling {
        let context = try section.original()
        let factor = try section.number("factor", default: Double(section.longest ?? context) / Double(context))
        // LongRoPE's factor for the same.
        let usual = factor <= 1 ? 1 : (1 + log(factor) / log(Double(context))).squareRoot()
        func divisors(_ name: String) throws(ModelError) -> [Double] {
            let values = section.value[name]?.array?.map { $0.double ?? 0 } ?? []
            guard values.count == pairs, values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw section.invalid("\(name) is not a list of \(pairs) numbers above zero")
            }
            return values
        }
        return .longRoPE(
            short: try divisors("short_factor"), long: try divisors("long_factor"), original: context,
            magnitude: try section.number("attention_factor", default: usual))
    }
}

/// The part of `config.json` about the rotary embedding.
private struct RotarySection {
    let value: JSONValue
    let key: String
    let file: String
    /// `max_position_embeddings`.
    let longest: Int?
    private let outerOriginal: Int?

    /// The section, nil where there is none.
    init?(json: JSONValue, file: String) throws(ModelError) {
        let newer = json["rope_parameters"].flatMap { $0.isNull ? nil : $0 }
        let older = json["rope_scaling"].flatMap { $0.isNull ? nil : $0 }
        // A file with both was written by different versions; the older key is then the one that says more.
        guard let value = older ?? newer else { return nil }
        self.value = value
        self.file = file
        key = older != nil ? "rope_scaling" : "rope_parameters"
        longest = json["max_position_embeddings"]?.int
        outerOriginal = json["original_max_position_embeddings"]?.int
        guard value.object != nil else { throw invalid("it holds \(value.kind), not an object") }
        if value["full_attention"]?.object != nil || value["sliding_attention"]?.object != nil {
            throw .unsupported(file: file, feature: "\(key) by layer type", supported: "one for all layers")
        }
    }

    func invalid(_ reason: String) -> ModelError { .invalidConfiguration(file: file, reason: "\(key): \(reason)") }

    /// A number above zero.
    func number(_ name: String, default fallback: Double? = nil) throws(ModelError) -> Double {
        guard let found = value[name], !found.isNull else {
            if let fallback { return fallback }
            throw invalid("\(name) is missing")
        }
        guard let number = found.double, number > 0, number <= 1e9 else {
            throw invalid("\(name) is not a number above zero of sensible size")
        }
        return number
    }

    /// The length of the contexts of the pre-training.
    func original() throws(ModelError) -> Int {
        let found = outerOriginal ?? value["original_max_position_embeddings"]?.int ?? longest
        guard let found, found > 1, found <= 1 << 30 else {
            throw invalid("original_max_position_embeddings is missing or no sensible number")
        }
        return found
    }
}
