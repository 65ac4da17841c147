import Basics
import Foundation
import TestSupport
import Testing
import Wire

/// The paths of `BadWeatherTests` with objects of a hundred megabytes, in virtual time: some minutes of a processor, so only
/// where `MURMUR_WEATHER` is in the environment (`scripts/bad-weather`).
@Suite(
    "Bad weather, 100 MB", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["MURMUR_WEATHER"] != nil, "scripts/bad-weather runs it"))
struct LongWeatherTests {
    private static let byteCount = 100_000_000

    private func carry(
        _ name: String, seed: UInt64, _ conditions: NetworkConditions, limit: Int = 20_000, datagrams: Int = 8952,
        change: (inout MeshRig, Double) -> Void = { _, _ in }
    ) throws -> Double {
        var configuration = WireConfiguration()
        configuration.datagramByteLimit = datagrams
        let outcome = try BadWeatherTests.transfer(
            byteCount: Self.byteCount, seed: seed, conditions: conditions, limit: limit, configuration: configuration,
            change: change)
        #expect(outcome.received == outcome.payload, "\(name): bit by bit")
        let rate = String(format: "%.2f", outcome.megabytesPerSecond)
        print("weather, 100 MB: \(name): \(rate) MB/s, \(String(format: "%.1f", outcome.seconds)) s")
        return outcome.seconds
    }

    @Test("Loss, beside the model up to five per cent", arguments: [0.0, 0.01, 0.05, 0.1, 0.3])
    func loss(rate: Double) throws {
        let conditions = NetworkConditions(delay: .milliseconds(10), loss: rate)
        let seconds = try carry(
            "loss \(rate), 20 ms, datagrams of \(rate <= 0.05 ? 1200 : 8952) at most", seed: 91, conditions,
            datagrams: rate <= 0.05 ? 1200 : 8952)
        guard rate <= 0.05 else { return }
        var generator = SeededGenerator(seed: 91)
        let model = NewRenoModel(roundTrip: 0.02, loss: rate).seconds(byteCount: Self.byteCount, using: &generator)
        print("weather, 100 MB: loss \(rate): \(String(format: "%.2f", model / seconds)) of the model's goodput")
        #expect(seconds * 0.8 <= model)
    }

    @Test("Half of all overtaken and doubled, five per cent altered")
    func disorder() throws {
        let conditions = NetworkConditions(
            delay: .milliseconds(10), duplication: 0.5, corruption: 0.05, reorder: 0.5)
        _ = try carry("50 % late and double, 5 % altered, 20 ms", seed: 92, conditions)
    }

    @Test("A black hole for long datagrams in the midst")
    func blackHole() throws {
        let conditions = NetworkConditions(delay: .milliseconds(20), loss: 0.001)
        _ = try carry("1300 bytes at most after 0.5 s, 40 ms, loss 0.001", seed: 93, conditions) {
            $0.conditions.longest = $1 < 0.5 ? .max : 1300
        }
    }

    @Test("Delays from none to half a second one way", arguments: [0, 5, 100, 500])
    func delay(milliseconds: Int) throws {
        let conditions = NetworkConditions(delay: .milliseconds(milliseconds), loss: 0.01)
        _ = try carry("delay \(milliseconds) ms one way, loss 0.01", seed: 94, conditions)
    }

    @Test("The receiver's address changes every second, and there are ten seconds of nothing")
    func wandering() throws {
        var port: UInt16 = 9000
        let conditions = NetworkConditions(delay: .milliseconds(20), loss: 0.01)
        _ = try carry("another port every second, ten seconds of nothing, 40 ms, loss 0.01", seed: 95, conditions) {
            rig, seconds in
            rig.conditions.loss = (3..<13).contains(seconds) ? 1 : 0.01
            let due = 9000 + UInt16(min(seconds, 1000))
            guard due != port else { return }
            port = due
            rig.addresses[1].port = port
        }
    }
}
