package import Adapters
internal import Foundation

extension RotaryScaling {
    /// The values of `rope_type` that are computed.
    package static let supportedTypes = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"]

    /// Reads `rope_parameters`, or `rope_scaling` of older checkpoints, of a `config.json`; `file` names it in errors.
    ///
    /// - Throws: `ModelError` for other types, and for values that are missing or out of range.
    package init(json: JSONValue, headSize: Int, file: String) throws(ModelError) {
        let newer = json["rope_parameters"].flatMap { $0.isNull ? nil : $0 }
        let older = json["rope_scaling"].flatMap { $0.isNull ? nil : $0 }
        // A file with both was written by different versions; the older key is then the one that says more.
        guard let key = older != nil ? "rope_scaling" : newer != nil ? "rope_parameters" : nil,
            let section = older ?? newer
        else {
            self = .none
            return
        }
        func invalid(_ reason: String) -> ModelError { .invalidConfiguration(file: file, reason: "\(key): \(reason)") }
        guard section.object != nil else { throw invalid("it holds \(section.kind), not an object") }
        if section["full_attention"]?.object != nil || section["sliding_attention"]?.object != nil {
            throw .unsupported(file: file, feature: "\(key) by layer type", supported: "one for all layers")
        }
        let type = section["rope_type"]?.text ?? section["type"]?.text ?? "default"
        let longest = json["max_position_embeddings"]?.int
        func number(_ name: String, default fallback: Double? = nil) throws(ModelError) -> Double {
            guard let value = section[name], !value.isNull else {
                if let fallback { return fallback }
                throw invalid("\(name) is missing")
            }
            guard let number = value.double, number > 0, number <= 1e9 else {
                throw invalid("\(name) is not a number above zero of sensible size")
            }
            return number
        }
        func original() throws(ModelError) -> Int {
            let value =
                json["original_max_position_embeddings"]?.int ?? section["original_max_position_embeddings"]?.int
                ?? longest
            guard let value, value > 1, value <= 1 << 30 else {
                throw invalid("original_max_position_embeddings is missing or no sensible number")
            }
            return value
        }
        switch type {
        case "default", "none": self = .none
        case "linear": self = .linear(factor: try number("factor"))
        case "dynamic":
            // transformers takes the model's own maximum here, whatever the section says.
            guard let longest, longest > 1 else { throw invalid("max_position_embeddings is missing") }
            self = .dynamic(factor: try number("factor"), original: longest)
        case "llama3":
            let low = try number("low_freq_factor")
            let high = try number("high_freq_factor")
            guard high > low else { throw invalid("high_freq_factor is not above low_freq_factor") }
            self = .llama3(factor: try number("factor"), low: low, high: high, original: try original())
        case "yarn":
            let context = try original()
            let factor = try number("factor", default: Double(longest ?? context) / Double(context))
            if section["mscale"]?.double != nil || section["mscale_all_dim"]?.double != nil {
                throw .unsupported(file: file, feature: "\(key) with mscale", supported: "attention_factor")
            }
            let usual = factor <= 1 ? 1 : 0.1 * log(factor) + 1
            self = .yarn(
                factor: factor, fast: try number("beta_fast", default: 32), slow: try number("beta_slow", default: 1),
                original: context, magnitude: try number("attention_factor", default: usual),
                truncates: section["truncate"]?.bool ?? true)
        case "longrope", "su":
            let context = try original()
            let factor = try number("factor", default: Double(longest ?? context) / Double(context))
            let usual = factor <= 1 ? 1 : (1 + log(factor) / log(Double(context))).squareRoot()
            func divisors(_ name: String) throws(ModelError) -> [Double] {
                let values = section[name]?.array?.map { $0.double ?? 0 } ?? []
                guard values.count == headSize / 2, values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                    throw invalid("\(name) is not a list of \(headSize / 2) numbers above zero")
                }
                return values
            }
            self = .longRoPE(
                short: try divisors("short_factor"), long: try divisors("long_factor"), original: context,
                magnitude: try number("attention_factor", default: usual))
        default:
            throw .unsupported(
                file: file, feature: "\(key) of type \(type.prefix(100))",
                supported: Self.supportedTypes.joined(separator: ", "))
        }
    }
}
