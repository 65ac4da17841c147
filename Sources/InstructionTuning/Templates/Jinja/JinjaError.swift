/// Why a chat template cannot be read or rendered.
struct JinjaError: Error, Equatable {
    let reason: String
}
