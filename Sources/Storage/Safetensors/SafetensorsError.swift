/// Why a safetensors file is refused. Every case names the file; those about one tensor name it.
package enum SafetensorsError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be a safetensors file; `reason` says why.
    case malformed(file: String, reason: String)
    /// One tensor's entry in the header is wrong.
    case invalidTensor(name: String, file: String, reason: String)
    /// The file, or the folder of files, has no such tensor.
    case missingTensor(name: String, file: String)
    /// The tensor is stored as a type that is not read.
    case unsupportedType(name: String, file: String, type: String)

    package var description: String {
        switch self {
        case .malformed(let file, let reason): "\(file): not a valid safetensors file: \(reason)"
        case .invalidTensor(let name, let file, let reason): "\(file): tensor \(name): \(reason)"
        case .missingTensor(let name, let file): "\(file): there is no tensor \(name)"
        case .unsupportedType(let name, let file, let type):
            "\(file): tensor \(name) has type \(type); F32, F16 and BF16 are read"
        }
    }
}
