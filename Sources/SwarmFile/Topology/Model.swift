package import Adapters
import Storage

extension SwarmTopology {
    /// `model:` what is tuned.
    package struct Model: KeyedSection, Hashable {
        /// `builtin:fledgling`, or a path.
        package var base: String
        /// Where the base model can be had by everybody.
        package var source: ModelSource?
        /// The adapter.
        package var lora: LoRAConfiguration

        package init(base: String, lora: LoRAConfiguration = .defaults) {
            self.base = base
            self.lora = lora
        }

        package static let defaults = Model(base: "builtin:fledgling")
        package static let keys: [SectionKey<Self>] = [
            .local(
                "base", \.base, .builtIn(["builtin:fledgling"], orElse: "the path of a directory"), "The base model.",
                "A directory as `save_pretrained` writes it. Its place may differ, its files may not."
            ).required(),
            .local(
                "source", \.source, .optional(.modelSource), "What the base model is called on the Hugging Face hub.",
                "The adapters name it as their base; without it they name the base's folder, never its path."),
            .shared("lora", \.lora, .section, "The adapter, with PEFT's names."),
        ]
    }
}

extension SwarmTopology.Model {
    /// What adapters call the base model: its name on the hub, a built-in name, or else the last part of its path, which
    /// says nothing of the machine.
    package var publicName: String {
        if let source { return source.name }
        guard !base.hasPrefix("builtin:") else { return base }
        return base.split(separator: "/").last.map(String.init) ?? base
    }
}

/// A model on the hub, `org/name` or `org/name@revision`.
package struct ModelSource: Sendable, Hashable, CustomStringConvertible {
    /// The organisation and the model, `HuggingFaceTB/SmolLM2-135M`.
    package let name: String
    /// The branch, tag or commit; nil where the file does not say.
    package let revision: String?

    /// Reads `text`; nil for one that is no name of a model on the hub.
    package init?(_ text: String) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let words = parts[0].split(separator: "/", omittingEmptySubsequences: false)
        func isWord(_ word: some StringProtocol, _ others: String) -> Bool {
            word.utf8.count <= 96 && word.utf8.first.map { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") } == true
                && word.utf8.allSatisfy { byte in
                    (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a || (0x30...0x39).contains(byte)
                        || others.utf8.contains(byte)
                }
        }
        guard words.count == 2, words.allSatisfy({ isWord($0, "._-") }) else { return nil }
        if parts.count > 1, !isWord(parts[1], "._-/") { return nil }
        name = parts[0]
        revision = parts.count > 1 ? parts[1] : nil
    }

    package var description: String { revision.map { "\(name)@\($0)" } ?? name }
}

extension ValueFormat where Value == ModelSource {
    fileprivate static var modelSource: ValueFormat {
        ValueFormat(
            values: "org/name or org/name@revision",
            schema: [
                "type": "string",
                "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*(@[A-Za-z0-9_][A-Za-z0-9._/-]*)?$",
            ],
            read: { value in
                let text = try value.text()
                guard let source = ModelSource(text) else {
                    throw value.error("\"\(text.prefix(80))\" is no model of the hub; org/name or org/name@revision is")
                }
                return source
            },
            write: { TopologyValue.quoted($0.description) }, json: { .text($0.description) })
    }
}

/// `model.lora:` the adapter. The same values as PEFT's `adapter_config.json` has are read from a topology file and from
/// a command line.
extension LoRAConfiguration: KeyedSection {
    package static let defaults = LoRAConfiguration(targets: [.query, .key, .value, .output])
    package static let keys: [SectionKey<Self>] = [
        .shared("rank", \.rank, .rank, "The adapter's rank."),
        .shared("alpha", \.alpha, .alpha, "The numerator of the scaling alpha / rank.")
            .otherwise("twice the rank") { $0.alpha = 2 * Double($0.rank) },
        .shared("dropout", \.dropout, .number(0..<1), "The probability with which the adapter's inputs are dropped."),
        .shared(
            "targets", \.places, .places, "The projections that carry an adapter, or all-linear.",
            "Also longer ends of a module's path, as `layers.3.self_attn.q_proj`. Phi-3 has `qkv_proj` and "
                + "`gate_up_proj` in place of the projections that these join."),
        .shared(
            "rank-stabilised", \.isRankStabilised, .flag, "Whether to scale by alpha / √rank instead of alpha / rank."),
        .shared(
            "rank-pattern", \.rankExceptions, .pattern(.rank), "Other ranks for single modules.",
            "`{ down_proj: 4, layers.0.mlp.up_proj: 2 }`: for the modules whose path ends so; the first that fits counts."
        ),
        .shared(
            "alpha-pattern", \.alphaExceptions, .pattern(.alpha), "Other alphas for single modules.", "In the same way."
        ),
    ]
}

extension ValueFormat where Value == Int {
    /// Of a rank: of the adapter's, of single modules', of the residual's.
    static var rank: ValueFormat { .integer(1...1024) }
}

extension ValueFormat where Value == Double {
    fileprivate static var alpha: ValueFormat { .number(above: 0, to: 1e6) }
}

extension LoRAConfiguration {
    /// What `targets` lists: kinds of projections and single modules.
    fileprivate struct Places: Sendable, Equatable {
        /// The word for all of a model's projections.
        static let all = "all-linear"

        var targets: Set<Target>
        var modules: [ModuleName]

        var names: [String] {
            Target.allCases.filter(targets.contains).map(\.rawValue) + modules.map(\.text)
        }
    }

    fileprivate var places: Places {
        get { Places(targets: targets, modules: modules) }
        set {
            targets = newValue.targets
            modules = newValue.modules
        }
    }

    /// Whether `name` is a projection's name, or a path of plain words and numbers that ends in one.
    fileprivate static func isModule(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = parts.last, Target(rawValue: String(last)) != nil, name.utf8.count <= 512 else { return false }
        return parts.allSatisfy { part in
            !part.isEmpty
                && part.utf8.allSatisfy {
                    ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7a || $0 == 0x5f || (0x30...0x39).contains($0)
                }
        }
    }
}

extension ValueFormat where Value == LoRAConfiguration.Places {
    /// A list of modules' names, or `all-linear`.
    fileprivate static var places: ValueFormat {
        let known = LoRAConfiguration.Target.allCases.map(\.rawValue)
        @Sendable func text(_ places: Value) -> String {
            let isAll = places.targets.count == known.count && places.modules.isEmpty
            return isAll ? Value.all : "[\(places.names.joined(separator: ", "))]"
        }
        return ValueFormat(
            values: "a list of \(known.joined(separator: ", "))",
            schema: [
                "oneOf": [
                    ["const": .text(Value.all)],
                    ["type": "array", "minItems": 1, "uniqueItems": true, "items": ["$ref": "#/$defs/module"]],
                ]
            ],
            argument: .list(word: Value.all), read: { try read($0, known: known) }, write: text,
            json: { .array($0.names.map(JSONValue.text)) })
    }

    private static func read(_ value: TopologyValue, known: [String]) throws -> Value {
        if value.isSingle, try value.text() == Value.all {
            return Value(targets: Set(LoRAConfiguration.Target.allCases), modules: [])
        }
        var places = Value(targets: [], modules: [])
        for element in try value.list() {
            let name = try element.text()
            guard LoRAConfiguration.isModule(name), let module = ModuleName(name) else {
                let hint = NearestName.of(name, among: known).map { " (did you mean \"\($0)\"?)" } ?? ""
                throw element.error("\"\(name)\" is unknown\(hint); allowed: \(known.joined(separator: ", "))")
            }
            guard !places.names.contains(name) else { throw element.error("\"\(name)\" is given twice") }
            if let target = LoRAConfiguration.Target(rawValue: name) {
                places.targets.insert(target)
            } else {
                places.modules.append(module)
            }
        }
        guard !places.names.isEmpty else { throw value.error("one projection at least carries the adapter") }
        return places
    }
}

extension ValueFormat {
    /// Values of `format` for the modules whose path ends in a name, in their order.
    fileprivate static func pattern<Element>(_ format: ValueFormat<Element>) -> ValueFormat
    where Value == [LoRAConfiguration.Exception<Element>] {
        ValueFormat(
            values: "ends of paths with values: \(format.values)",
            schema: [
                "type": "object", "propertyNames": ["$ref": "#/$defs/module"],
                "additionalProperties": .object(format.schema),
            ],
            argument: .pairs,
            read: { place in
                var names: Set<String> = []
                return try place.entries().map { name, value in
                    guard LoRAConfiguration.isModule(name), let module = ModuleName(name) else {
                        throw value.error(
                            "\"\(name.prefix(80))\" is not the end of a module's path; for example "
                                + "layers.3.self_attn.q_proj")
                    }
                    guard names.insert(name).inserted else { throw value.error("\"\(name)\" is given twice") }
                    return .init(modules: module, value: try format.read(value))
                }
            },
            write: { entries in
                let fields = entries.compactMap { entry in
                    format.write(entry.value).map { "\(entry.modules.text): \($0)" }
                }
                return fields.isEmpty ? nil : "{ \(fields.joined(separator: ", ")) }"
            },
            json: { _ in nil })
    }
}
