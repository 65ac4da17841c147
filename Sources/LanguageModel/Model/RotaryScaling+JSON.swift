internal import Foundation
package import Storage

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
