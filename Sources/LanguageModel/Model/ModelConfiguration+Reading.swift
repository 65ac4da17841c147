import Storage

extension ModelConfiguration {
    private static let sizeLimit = 4 << 20

    /// The configuration of the Hugging Face folder `directory`. Throws `FileError` or `ModelError`.
    package static func read(directory: String) throws -> ModelConfiguration {
        let (json, file) = try document(directory: directory)
        return try ModelConfiguration(json: json, file: file)
    }

    /// The content of `config.json` and the file's path.
    static func document(directory: String) throws -> (json: JSONValue, file: String) {
        let file = "\(directory)/config.json"
        let bytes = try ReadableFile.contents(of: file, limit: sizeLimit)
        do throws(JSONError) {
            return (try JSONValue.parse(bytes), file)
        } catch {
            throw ModelError.invalidConfiguration(file: file, reason: "\(error)")
        }
    }
}
