/// The weights of a base model: `model.safetensors`, or the shards that `model.safetensors.index.json` lists, behind
/// one set of names.
package struct WeightsDirectory: Sendable {
    /// The path that was opened.
    package let path: String
    /// The files, in the order in which the index names them.
    package let files: [SafetensorsFile]
    private let fileOfTensor: [[UInt8]: Int]

    private static let indexLimit = 64 << 20

    /// Opens the folder at `path`, or the single safetensors file there, and checks all headers.
    ///
    /// As in transformers, `model.safetensors` goes before an index.
    /// - Throws: `FileError`, `SafetensorsError` or `WeightsDirectoryError`.
    package init(path: String) throws {
        if path.hasSuffix(".safetensors") {
            self.init(path: path, files: [try SafetensorsFile.open(path: path)])
            return
        }
        do throws(FileError) {
            _ = try ReadableFile(path: "\(path)/model.safetensors")
        } catch .notFound {
            try self.init(shardsIn: path)
            return
        }
        self.init(path: path, files: [try SafetensorsFile.open(path: "\(path)/model.safetensors")])
    }

    /// A folder of one file, or of files whose names do not collide.
    private init(path: String, files: [SafetensorsFile]) {
        var fileOfTensor: [[UInt8]: Int] = [:]
        for (position, file) in files.enumerated() {
            for tensor in file.tensors { fileOfTensor[tensor.name] = position }
        }
        self.path = path
        self.files = files
        self.fileOfTensor = fileOfTensor
    }

    /// Opens the shards of `path`/model.safetensors.index.json.
    private init(shardsIn path: String) throws {
        let indexPath = "\(path)/model.safetensors.index.json"
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try ReadableFile.contents(of: indexPath, limit: Self.indexLimit)
        } catch .notFound {
            throw WeightsDirectoryError.noWeights(path: path)
        }
        func invalid(_ reason: String) -> WeightsDirectoryError { .invalidIndex(file: indexPath, reason: reason) }
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue.parse(bytes)
        } catch {
            throw invalid("\(error)")
        }
        guard let map = document["weight_map"]?.object else { throw invalid("it has no weight_map") }

        var positions: [[UInt8]: Int] = [:]
        var files: [SafetensorsFile] = []
        var fileOfTensor: [[UInt8]: Int] = [:]
        for (tensor, value) in zip(map.keys, map.values) {
            let name = String(decoding: tensor.prefix(200), as: UTF8.self)
            guard let shard = value.bytes, let shardName = value.text else {
                throw invalid("the file of tensor \(name) is \(value.kind), not a string")
            }
            if positions[shard] == nil {
                // A shard lies in the folder itself: an index must not lead out of it.
                guard shardName.hasSuffix(".safetensors"), !shard.contains(UInt8(ascii: "/")), !shard.contains(0) else {
                    throw invalid("\(shardName.prefix(200)) is not the name of a safetensors file in this folder")
                }
                positions[shard] = files.count
                files.append(try SafetensorsFile.open(path: "\(path)/\(shardName)"))
            }
            // Every tensor that the index names must be where it says, or loading would fail after most of the work.
            guard let position = positions[shard], files[position].contains(bytes: tensor) else {
                throw SafetensorsError.missingTensor(name: name, file: "\(path)/\(shardName)")
            }
            fileOfTensor[tensor] = position
        }
        self.path = path
        self.files = files
        self.fileOfTensor = fileOfTensor
    }

    /// The names of all tensors, ordered by their bytes.
    package var tensorNames: [String] {
        fileOfTensor.keys.sorted { $0.lexicographicallyPrecedes($1) }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether there is a tensor called `tensor`.
    package func contains(_ tensor: String) -> Bool { fileOfTensor[Array(tensor.utf8)] != nil }

    /// The shape of a tensor, if it is there.
    package func shape(of tensor: String) -> [Int]? { file(of: tensor)?.shape(of: tensor) }

    /// The type of a tensor as the file names it, for example `BF16`, if the tensor is there.
    package func type(of tensor: String) -> String? { file(of: tensor)?.header.entry(named: tensor)?.type }

    /// The values of a tensor, row-major. Throws `SafetensorsError` or `FileError`.
    package func floats(named tensor: String) throws -> [Float] {
        guard let file = file(of: tensor) else {
            throw SafetensorsError.missingTensor(name: tensor, file: path)
        }
        return try file.floats(named: tensor)
    }

    /// The file that holds a tensor.
    package func file(of tensor: String) -> SafetensorsFile? {
        fileOfTensor[Array(tensor.utf8)].map { files[$0] }
    }
}

/// Why a model's folder of weights is refused.
package enum WeightsDirectoryError: Error, Equatable, CustomStringConvertible {
    /// The folder holds no safetensors weights.
    case noWeights(path: String)
    /// The index of the shards is wrong.
    case invalidIndex(file: String, reason: String)

    package var description: String {
        switch self {
        case .noWeights(let path):
            "\(path): neither model.safetensors nor model.safetensors.index.json is there; "
                + "save the model as safetensors (pickled .bin files are not read)"
        case .invalidIndex(let file, let reason): "\(file): \(reason)"
        }
    }
}
