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
        return whole == path || (!isWhole && whole.hasSuffix("." + path))
    }
}
