import Adapters
import Basics
import Foundation
import Storage
import TestSupport
import Testing

@Suite("PEFT directory") struct PEFTDirectoryTests {
    private static let fixture = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/peft-tiny").path

    private static func projections(width: Int) -> [LoRAProjection] {
        (0..<2).flatMap { layer in
            [
                LoRAProjection(layer: layer, target: .query, inputSize: width, outputSize: width),
                LoRAProjection(layer: layer, target: .key, inputSize: width, outputSize: width / 2),
                LoRAProjection(layer: layer, target: .value, inputSize: width, outputSize: width / 2),
                LoRAProjection(layer: layer, target: .down, inputSize: 24, outputSize: width),
            ]
        }
    }

    @Test("A directory that PEFT wrote is read")
    func readsPEFT() throws {
        let adapter = try PEFTDirectory.read(Self.fixture) {
            AdapterSchema.lora(configuration: $0, projections: Self.projections(width: 16))
        }
        #expect(
            adapter.configuration
                == LoRAConfiguration(rank: 4, alpha: 8, dropout: 0.05, targets: [.query, .value, .down]))
        #expect(adapter.schema.tensors.count == 12)
        let name = "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight"
        let index = try #require(adapter.schema.tensors.firstIndex { $0.name == name })
        let values = adapter.values[adapter.schema.range(of: index)]
        #expect(values.count == 64)
        // As torch reads the fixture.
        #expect(values.first == -0.01755042001605034)
        #expect(abs(values.reduce(0.0) { $0 + Double($1) } - -0.2523308167583309) < 1e-9)
    }

    @Test("What is written reads back the same")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let configuration = LoRAConfiguration(rank: 3, alpha: 7.5, dropout: 0.125, targets: [.query, .key])
        let schema = AdapterSchema.lora(configuration: configuration, projections: Self.projections(width: 8))
        var generator = SeededGenerator(seed: 2)
        let values = (0..<schema.count).map { _ in Float(generator.normal()) }
        let adapter = PEFTAdapter(configuration: configuration, schema: schema, values: values, baseModel: "a/b \"c\"")
        let path = folder.path("deep/er/adapter")
        try PEFTDirectory.write(adapter, to: path)
        #expect(try PEFTDirectory.read(path) == adapter)
    }

    @Test("An adapter of another base model is refused with the shape that is wrong")
    func otherBase() throws {
        let error = #expect(throws: PEFTError.self) {
            _ = try PEFTDirectory.read(Self.fixture) {
                AdapterSchema.lora(configuration: $0, projections: Self.projections(width: 32))
            }
        }
        #expect(
            error?.description.contains("down_proj.lora_B.weight has shape [16, 4] where the model needs [32, 4]")
                == true)
        #expect(throws: PEFTError.self) {
            _ = try PEFTDirectory.read(Self.fixture) {
                AdapterSchema.lora(configuration: $0, projections: Array(Self.projections(width: 16).prefix(4)))
            }
        }
    }

    @Test(
        "Settings that are not supported are refused by name",
        arguments: [
            (#""peft_type":"IA3""#, "peft_type"), (#""use_dora":true"#, "use_dora"),
            (#""modules_to_save":["lm_head"]"#, "modules_to_save"), (#""fan_in_fan_out":true"#, "fan_in_fan_out"),
            (#""bias":"all""#, "bias"), (#""rank_pattern":{"(q|k)_proj":4}"#, "rank_pattern"),
            (#""alpha_pattern":{".*_proj":4}"#, "alpha_pattern"),
            (#""init_lora_weights":"pissa_niter_4""#, "init_lora_weights"),
            (#""target_modules":["embed_tokens"]"#, "target_modules"),
            (#""target_modules":".*q_proj""#, "target_modules"),
            (#""lora_bias":true"#, "lora_bias"), (#""use_something_new":true"#, "use_something_new"),
            (#""layers_to_transform":[0]"#, "layers_to_transform"), (#""r":0"#, "rank"), (#""r":1.5"#, "rank"),
            (#""lora_alpha":"x""#, "lora_alpha"), (#""lora_dropout":1"#, "lora_dropout"),
            (#""target_modules":[]"#, "target_modules"),
        ])
    func unsupported(setting: String, name: String) throws {
        let folder = try TemporaryFolder()
        var members = [#""peft_type":"LORA""#, #""r":4"#, #""lora_alpha":8"#, #""target_modules":["q_proj"]"#]
        let key = try #require(setting.split(separator: ":").first)
        members.removeAll { $0.hasPrefix(key) }
        try folder.write("{\((members + [setting]).joined(separator: ","))}", to: "adapter_config.json")
        let error = #expect(throws: PEFTError.self) { _ = try PEFTDirectory.read(folder.url.path) }
        #expect(error?.description.contains(name) == true)
    }

    @Test("Rank-stabilised scaling divides by the root of the rank, and is written as it was read")
    func rankStabilised() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"peft_type":"LORA","r":4,"lora_alpha":8,"use_rslora":true,"target_modules":["q_proj"]}"#,
            to: "adapter_config.json")
        try writeTensors(
            [
                "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": [4, 2],
                "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight": [2, 4],
            ], to: folder.url.path)
        let adapter = try PEFTDirectory.read(folder.url.path)
        let projection = LoRAProjection(layer: 0, target: .query, inputSize: 2, outputSize: 2)
        #expect(adapter.configuration.scaling(of: projection) == 4)
        try PEFTDirectory.write(adapter, to: folder.url.path)
        #expect(try PEFTDirectory.read(folder.url.path) == adapter)
    }

    private func writeTensors(_ shapes: KeyValuePairs<String, [Int]>, to path: String) throws {
        var writer = SafetensorsWriter()
        for (name, shape) in shapes {
            writer.add(name, shape: shape, values: [Float](repeating: 1, count: shape.reduce(1, *))[...])
        }
        try writer.write(to: "\(path)/\(PEFTDirectory.tensorsName)")
    }

    @Test(
        "Tensors that contradict the configuration are refused",
        arguments: [
            ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": [4, 2]],
            [
                "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": [3, 2],
                "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight": [2, 3],
            ],
            [
                "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": [4],
                "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight": [2, 4],
            ],
            [
                "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight": [4, 2],
                "base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight": [2, 4],
            ],
            ["base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight": [4, 2]],
            ["base_model.model.model.layers.0.mlp.q_proj.lora_A.weight": [4, 2]], ["lm_head.weight": [4, 2]], [:],
        ] as [[String: [Int]]])
    func contradictions(shapes: [String: [Int]]) throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"peft_type":"LORA","r":4,"lora_alpha":8,"target_modules":["q_proj"]}"#, to: "adapter_config.json")
        var writer = SafetensorsWriter()
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            writer.add(name, shape: shape, values: [Float](repeating: 1, count: shape.reduce(1, *))[...])
        }
        try writer.write(to: folder.path("adapter_model.safetensors"))
        #expect(throws: PEFTError.self) { _ = try PEFTDirectory.read(folder.url.path) }
    }

    @Test(
        "Factors that are not finite are refused by tensor and file, read and written",
        arguments: [Float.nan, .infinity])
    func notFinite(value: Float) throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"peft_type":"LORA","r":1,"lora_alpha":8,"target_modules":["q_proj"]}"#, to: "adapter_config.json")
        let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
        var writer = SafetensorsWriter(refusesNotFinite: false)
        writer.add(name + "A.weight", shape: [1, 2], values: [1, 2])
        writer.add(name + "B.weight", shape: [3, 1], values: [1, value, value])
        try writer.write(to: folder.path("adapter_model.safetensors"))
        let path = folder.url.path
        let error = #expect(throws: SafetensorsError.self) { _ = try PEFTDirectory.read(path) }
        let text = error?.description ?? ""
        #expect(text.contains("adapter_model.safetensors: tensor \(name)B.weight: 2 of its 3 values"), "\(text)")
        #expect(text.contains("at [1, 0]"), "\(text)")
        let adapter = try PEFTDirectory.read(path, refusesNotFinite: false)
        #expect(throws: SafetensorsError.self) { try PEFTDirectory.write(adapter, to: folder.path("new")) }
    }

    @Test(
        "Names as other tools leave them are read",
        arguments: [
            "base_model.model.model.layers.0.self_attn.q_proj.lora_#.default.weight",
            "_orig_mod.base_model.model.model.layers.0.self_attn.q_proj.lora_#.weight",
            "module.base_model.model.model.layers.0.self_attn.q_proj.lora_#.weight",
            "base_model.model._orig_mod.model.layers.0.self_attn.q_proj.lora_#.weight",
            "module._orig_mod.base_model.model.model.layers.0.self_attn.q_proj.lora_#.default.weight",
        ])
    func wrappedNames(pattern: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"peft_type":"LORA","r":1,"lora_alpha":8,"target_modules":["q_proj"]}"#, to: "adapter_config.json")
        var writer = SafetensorsWriter()
        writer.add(pattern.replacing("#", with: "A"), shape: [1, 2], values: [1, 2])
        writer.add(pattern.replacing("#", with: "B"), shape: [3, 1], values: [3, 4, 5])
        try writer.write(to: folder.path("adapter_model.safetensors"))
        let adapter = try PEFTDirectory.read(folder.url.path)
        let module = "base_model.model.model.layers.0.self_attn.q_proj"
        #expect(adapter.schema.tensors.map(\.name) == ["\(module).lora_A.weight", "\(module).lora_B.weight"])
        #expect(adapter.values == [1, 2, 3, 4, 5])
    }

    @Test(
        "A tensor that is no factor of this adapter is refused by name",
        arguments: [
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.french.weight", FloatEncoding.float32),
            ("module.base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", .float32),
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight", .bfloat16),
            ("step", .float16),
        ])
    func foreignTensors(name: String, encoding: FloatEncoding) throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"peft_type":"LORA","r":1,"lora_alpha":8,"target_modules":["q_proj"]}"#, to: "adapter_config.json")
        let module = "base_model.model.model.layers.0.self_attn.q_proj"
        var writer = SafetensorsWriter()
        writer.add("\(module).lora_A.weight", shape: [1, 2], values: [1, 2])
        writer.add("\(module).lora_B.weight", shape: [3, 1], values: [3, 4, 5])
        writer.add(name, shape: [1, 2], values: [6, 7], encoding: encoding)
        try writer.write(to: folder.path("adapter_model.safetensors"))
        let error = #expect(throws: PEFTError.self) { _ = try PEFTDirectory.read(folder.url.path) }
        #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
        // A type that the format does not have, or that no factor has.
        for type in ["I64", "F6"] {
            let json = "{\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":[1],\"data_offsets\":[0,8]}}"
            let bytes =
                [UInt8(json.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8) + [UInt8](repeating: 0, count: 8)
            try Data(bytes).write(to: folder.url.appendingPathComponent("adapter_model.safetensors"))
            do {
                _ = try PEFTDirectory.read(folder.url.path)
                Issue.record("a tensor of type \(type) is read")
            } catch {
                #expect("\(error)".contains(name), "\(error)")
            }
        }
    }
}
