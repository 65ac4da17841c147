package import Adapters
import Foundation
import LinearAlgebra
package import Storage

/// A base model with an adapter added into its weights: a checkpoint of its own, which needs neither PEFT nor us.
///
/// Every weight W that carries a module becomes W + s B A, computed in 32-bit floats as PEFT's `merge_and_unload` does;
/// the other weights stay as they are. The files have the base model's names and order.
package struct AdapterMerge: Sendable {
    /// The base model's folder.
    package let base: String
    package let adapter: PEFTAdapter
    /// The type in which weights are written; nil keeps each weight's own.
    package let encoding: FloatEncoding?

    /// Files beside the weights that belong to a checkpoint; `config.json` is written last.
    private static let carried = [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
        "LICENSE", "LICENSE.txt", "NOTICE",
    ]
    private static let carriedLimit = 256 << 20

    package init(base: String, adapter: PEFTAdapter, encoding: FloatEncoding? = nil) {
        self.base = base
        self.adapter = adapter
        self.encoding = encoding
    }

    /// Removes the checkpoint that an earlier merge left in the folder `path`: its configuration first, so that what is left
    /// of a removal that was cut short is no model. Other files stay.
    ///
    /// - Throws: `FileError`.
    package static func removeCheckpoint(in path: String) throws {
        let files = LocalFileSystem()
        let weights = try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasSuffix(".safetensors") || $0 == "model.safetensors.index.json" }.sorted()
        for name in ["config.json"] + weights + carried where FileManager.default.fileExists(atPath: "\(path)/\(name)")
        {
            try files.remove("\(path)/\(name)")
        }
    }

    /// Writes the checkpoint into the folder `path`, which is created where needed and must not hold a model.
    ///
    /// One weight at a time is in memory. Returns the number of weights that were changed. Throws `ModelError`, and the
    /// errors of reading and writing files: `SafetensorsError` for a sum that is too large for its type among them.
    package func write(to path: String, shape: ModelConfiguration) throws -> Int {
        guard !GGUFFile.isNamed(base) else {
            throw ModelError.unsupported(
                file: base, feature: "merging an adapter into a GGUF file", supported: "Hugging Face directories")
        }
        try AtomicFile.createFolder(path)
        guard (try? ReadableFile(path: "\(path)/config.json")) == nil else {
            throw ModelError.invalidConfiguration(
                file: "\(path)/config.json", reason: "the folder holds a model already; name another")
        }
        let weights = try WeightsDirectory(path: base)
        var modules: [String: LoRAProjection] = [:]
        for projection in shape.projections where adapter.configuration.includes(projection) {
            modules["\(projection.path).weight"] = projection
        }
        let count = modules.count
        var places: [(String, JSONValue)] = []
        var size = 0
        for file in weights.files {
            let name = file.name.split(separator: "/").last.map(String.init) ?? "model.safetensors"
            var writer = SafetensorsWriter()
            for entry in file.tensors {
                let tensor = String(decoding: entry.name, as: UTF8.self)
                // What a shard holds beside what the index says is nobody's.
                guard weights.file(of: tensor)?.name == file.name else { continue }
                guard let type = FloatEncoding(rawValue: entry.type) else {
                    throw ModelError.unsupported(
                        file: file.name, feature: "the type \(entry.type) of \(tensor.prefix(200))",
                        supported: "F32, F16, BF16")
                }
                let projection = modules.removeValue(forKey: tensor)
                if let projection, entry.shape != [projection.outputSize, projection.inputSize] {
                    throw ModelError.invalidWeight(
                        path: file.name, name: tensor, reason: "has shape \(entry.shape), another than config.json says"
                    )
                }
                writer.add(tensor, shape: entry.shape, encoding: encoding ?? type) {
                    let values = try file.floats(named: tensor)
                    if let found = NotFiniteValues.find(in: values[...]) {
                        throw ModelError.notFinite(path: file.name, name: tensor, shape: entry.shape, found)
                    }
                    return (projection.map { merged(values, at: $0) } ?? values)[...]
                }
                places.append((tensor, .text(name)))
                size += entry.shape.reduce((encoding ?? type).size, *)
            }
            try writer.write(to: "\(path)/\(name)")
        }
        if let missing = modules.keys.sorted().first {
            throw ModelError.invalidWeight(path: base, name: missing, reason: "is missing")
        }
        if weights.files.count > 1 {
            let index = JSONValue.object(
                JSONObject([
                    ("metadata", .object(JSONObject([("total_size", .integer(size))]))),
                    ("weight_map", .object(JSONObject(places))),
                ]))
            try AtomicFile.write(index.encoded(indented: true), to: "\(path)/model.safetensors.index.json")
        }
        // Last of all config.json: a folder without it is no model, so that one cut short is never taken for whole.
        try carry(to: path)
        return count
    }

    /// W + s B A for the weight W of `projection`, row-major.
    private func merged(_ values: [Float], at projection: LoRAProjection) -> [Float] {
        func factor(_ name: String) -> Matrix {
            guard let index = adapter.schema.tensors.firstIndex(where: { $0.name == name }) else {
                preconditionFailure("the adapter's schema was checked against the model")
            }
            let tensor = adapter.schema.tensors[index]
            return Matrix(
                rows: tensor.rows, columns: tensor.columns,
                values: Array(adapter.values[adapter.schema.range(of: index)]))
        }
        let weight = Matrix(rows: projection.outputSize, columns: projection.inputSize, values: values)
        weight.assignProduct(
            factor(projection.nameOfB), factor(projection.nameOfA),
            scale: Float(adapter.configuration.scaling(of: projection)), adding: true)
        return weight.values
    }

    /// The content of a file that may be absent.
    private func optionalContents(of path: String) throws -> [UInt8]? {
        do {
            return try ReadableFile.contents(of: path, limit: Self.carriedLimit)
        } catch {
            if error == .notFound(path: path) { return nil }
            throw error
        }
    }

    /// Copies what else belongs to the checkpoint, and last `config.json`, with the type of the weights where it changed.
    private func carry(to path: String) throws {
        for name in Self.carried {
            guard let bytes = try optionalContents(of: "\(base)/\(name)") else { continue }
            try AtomicFile.write(bytes, to: "\(path)/\(name)")
        }
        var bytes = try ReadableFile.contents(of: "\(base)/config.json", limit: Self.carriedLimit)
        if let encoding, let object = try JSONValue.parse(bytes).object {
            let names: [FloatEncoding: String] = [.float32: "float32", .float16: "float16", .bfloat16: "bfloat16"]
            var members = zip(object.keys, object.values)
                .map { (String(decoding: $0, as: UTF8.self), $1) }
                .filter { $0.0 != "torch_dtype" && $0.0 != "dtype" }
            // Older versions of transformers read the first name, later ones both.
            members.append(("torch_dtype", .text(names[encoding] ?? "float32")))
            bytes = JSONValue.object(JSONObject(members)).encoded(indented: true)
        }
        try AtomicFile.write(bytes, to: "\(path)/config.json")
    }
}
