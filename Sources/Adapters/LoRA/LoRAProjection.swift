/// A linear map of a base model that can carry a LoRA module.
package struct LoRAProjection: Sendable, Hashable {
    /// The decoder layer, from zero.
    package let layer: Int
    /// Which of the layer's projections.
    package let target: LoRAConfiguration.Target
    /// The width of the input, the columns of A.
    package let inputSize: Int
    /// The width of the output, the rows of B.
    package let outputSize: Int

    package init(layer: Int, target: LoRAConfiguration.Target, inputSize: Int, outputSize: Int) {
        precondition(layer >= 0 && inputSize > 0 && outputSize > 0, "a projection has a layer and positive widths")
        self.layer = layer
        self.target = target
        self.inputSize = inputSize
        self.outputSize = outputSize
    }

    /// The projection whose module PEFT calls `moduleName`; nil for any other name.
    package init?(moduleName: String, inputSize: Int, outputSize: Int) {
        let parts = moduleName.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 3, let target = parts.last.flatMap({ LoRAConfiguration.Target(rawValue: String($0)) }),
            let layer = Int(parts[parts.count - 3]), layer >= 0, inputSize > 0, outputSize > 0
        else { return nil }
        self.init(layer: layer, target: target, inputSize: inputSize, outputSize: outputSize)
        guard self.moduleName == moduleName else { return nil }
    }

    /// PEFT's name of the module in a causal language model, without the factor:
    /// `base_model.model.model.layers.0.self_attn.q_proj`.
    package var moduleName: String {
        "base_model.model.\(path)"
    }

    /// The module's path in the model: `model.layers.0.self_attn.q_proj`.
    package var path: String { "model.layers.\(layer).\(target.block).\(target.rawValue)" }

    /// The name of the factor A [rank, input] in an adapter file.
    package var nameOfA: String { "\(moduleName).lora_A.weight" }

    /// The name of the factor B [output, rank] in an adapter file.
    package var nameOfB: String { "\(moduleName).lora_B.weight" }
}

extension LoRAConfiguration.Target {
    /// The part of a decoder layer that the projection belongs to, as in the names of its weights.
    package var block: String {
        switch self {
        case .query, .key, .value, .output, .queryKeyValue: "self_attn"
        case .gate, .up, .down, .gateUp: "mlp"
        }
    }
}

/// Names modules of a base model by the end of their path, as PEFT's `target_modules`, `rank_pattern` and
/// `alpha_pattern` do: `q_proj`, `self_attn.q_proj`, `layers.3.mlp.up_proj`, or `^model.layers.3.mlp.up_proj` for the
/// whole path alone.
///
/// PEFT reads the keys of patterns as regular expressions. Names are read here, with the `^`, `$` and `\.` around and in
/// them; other expressions are refused.
package struct ModuleName: Sendable, Hashable {
    /// The name as it was given.
    package let text: String
    private let path: String
    private let isWhole: Bool

    private static let longest = 512

    /// Reads a name; nil for a regular expression that is more than a name.
    package init?(_ text: String) {
        var rest = text[...]
        isWhole = rest.hasPrefix("^")
        if isWhole { rest = rest.dropFirst() }
        if rest.hasSuffix("$") { rest = rest.dropLast() }
        let path = rest.replacing("\\.", with: ".")
        let isName = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isName, !path.isEmpty, path.utf8.count <= Self.longest else { return nil }
        self.path = String(path)
        self.text = text
    }

    /// Whether this names the module at `projection`.
    package func fits(_ projection: LoRAProjection) -> Bool {
        let whole = projection.path
        // Behind a dot only: `up_proj` must not fit `gate_up_proj`.
        return whole == path || (!isWhole && whole.hasSuffix("." + path))
    }

    /// The name of just those modules that this and `other` both name; nil where there are none.
    func narrowed(to other: ModuleName) -> ModuleName? {
        if names(all: other) { return other }
        return other.names(all: self) ? self : nil
    }

    /// Whether this names every module that `other` names.
    private func names(all other: ModuleName) -> Bool {
        if isWhole && !other.isWhole { return false }
        return other.path == path || (!isWhole && other.path.hasSuffix("." + path))
    }
}

extension AdapterSchema {
    /// The schema of a LoRA adapter: the factors A [rank, input] and B [output, rank] of each projection that the
    /// configuration targets.
    ///
    /// - Parameter projections: the base model's projections, each once; those that are not targeted are passed over.
    package static func lora(configuration: LoRAConfiguration, projections: [LoRAProjection]) -> AdapterSchema {
        var tensors: [Tensor] = []
        for projection in projections where configuration.includes(projection) {
            let rank = configuration.rank(of: projection)
            tensors.append(Tensor(name: projection.nameOfA, rows: rank, columns: projection.inputSize))
            tensors.append(Tensor(name: projection.nameOfB, rows: projection.outputSize, columns: rank))
        }
        return AdapterSchema(tensors: tensors)
    }
}
