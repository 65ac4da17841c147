package import Adapters
import LinearAlgebra
package import Storage

/// A GGUF model with an adapter added into its weights: one GGUF file that stands alone, with the metadata, tokenizer and
/// chat template of the base.
package struct GGUFMerge {
    private let checkpoint: GGUFCheckpoint
    private let shape: ModelConfiguration
    private let adapter: PEFTAdapter
    private let type: GGUFTensorType

    /// A merge of `adapter` into the model that begins with the file at `base`. `type` is what matrices are written in;
    /// rows that are not whole blocks of it become F16, and vectors stay F32.
    package init(base: String, adapter: PEFTAdapter, type: GGUFTensorType) throws {
        precondition(GGUFTensorType.written.contains(type), "the type can be written")
        checkpoint = try GGUFCheckpoint(path: base)
        shape = try ModelConfiguration(json: try checkpoint.configuration(), file: base)
        self.adapter = adapter
        self.type = type
    }

    /// Writes the file and returns the number of weights that carry the adapter. One weight at a time is in memory.
    ///
    /// Throws `ModelError`, and the errors of reading and writing GGUF files.
    package func write(to path: String) throws -> Int {
        var modules: [String: LoRAProjection] = [:]
        for projection in shape.projections where adapter.configuration.includes(projection) {
            modules["blk.\(projection.layer).\(projection.target.nameInGGUF).weight"] = projection
        }
        let count = modules.count
        var writer = GGUFWriter()
        // The first file of several has all that describes the model.
        try writer.copyPairs(
            of: checkpoint.files[0], except: ["general.file_type", "split.no", "split.count", "split.tensors.count"])
        // llama.cpp's numbers: 0 for F32, 1 for mostly F16, 7 for mostly Q8_0.
        writer.set("general.file_type", type == .float32 ? 0 : type == .float16 ? 1 : UInt32(7))
        for file in checkpoint.files {
            for entry in file.header.entries {
                let projection = modules.removeValue(forKey: entry.name)
                if let projection, entry.shape != [projection.outputSize, projection.inputSize] {
                    throw ModelError.invalidWeight(
                        path: file.path, name: entry.name, reason: "has another shape than the metadata say")
                }
                let type = kept(entry)
                writer.add(entry.name, shape: entry.shape, type: type) {
                    if projection == nil, entry.type == type { return .bytes(try file.blocks(named: entry.name)) }
                    let values = try file.floats(named: entry.name)
                    if let found = NotFiniteValues.find(in: values[...]) {
                        throw ModelError.notFinite(path: file.path, name: entry.name, shape: entry.shape, found)
                    }
                    return .values(projection.map { merged(values, at: $0) } ?? values)
                }
            }
        }
        if let missing = modules.keys.sorted().first {
            throw ModelError.invalidWeight(path: checkpoint.path, name: missing, reason: "is missing")
        }
        try writer.write(to: path)
        return count
    }

    private func kept(_ entry: GGUFHeader.Entry) -> GGUFTensorType {
        guard entry.shape.count > 1, let columns = entry.shape.last else { return .float32 }
        return columns.isMultiple(of: type.blockLength) ? type : .float16
    }

    /// W + s B A in the order of the file, for the weight W of `projection`.
    private func merged(_ values: [Float], at projection: LoRAProjection) -> [Float] {
        let rank = adapter.configuration.rank(of: projection)
        let weight = Matrix(rows: projection.outputSize, columns: projection.inputSize, values: values)
        let rows = checkpoint.family.inOrderOfGGUF(adapter.factor(projection.nameOfB), projection, shape)
        weight.assignProduct(
            Matrix(rows: projection.outputSize, columns: rank, values: rows),
            Matrix(rows: rank, columns: projection.inputSize, values: adapter.factor(projection.nameOfA)),
            scale: Float(adapter.configuration.scaling(of: projection)), adding: true)
        return weight.values
    }
}
