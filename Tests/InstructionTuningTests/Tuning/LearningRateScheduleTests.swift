import InstructionTuning
import Testing

@Suite("Learning rate") struct LearningRateScheduleTests {
    @Test("The warm-up rises to the full rate")
    func warmup() {
        for schedule in LearningRateSchedule.allCases {
            let factors = (0..<5).map { schedule.factor(step: $0, totalSteps: 100, warmup: 4) }
            #expect(factors == [0.25, 0.5, 0.75, 1, 1])
        }
    }

    @Test("Constant stays, linear and cosine fall over the whole run and stay positive")
    func decay() {
        #expect(LearningRateSchedule.constant.factor(step: 9, totalSteps: 10, warmup: 0) == 1)
        let linear = (0..<10).map { LearningRateSchedule.linear.factor(step: $0, totalSteps: 10, warmup: 0) }
        for (step, factor) in linear.enumerated() { #expect(abs(factor - (1 - Double(step) / 10)) < 1e-12) }
        let cosine = (0..<10).map { LearningRateSchedule.cosine.factor(step: $0, totalSteps: 10, warmup: 0) }
        #expect(cosine[0] == 1 && abs(cosine[5] - 0.5) < 1e-12)
        #expect(zip(cosine, cosine.dropFirst()).allSatisfy { $0 > $1 })
        #expect((cosine.last ?? 0) > 0)
        #expect(
            LearningRateSchedule.linear.factor(step: 50, totalSteps: 10, warmup: 0)
                == LearningRateSchedule.linear.factor(step: 9, totalSteps: 10, warmup: 0))
    }

    @Test("Settings out of range are told by name")
    func settings() throws {
        #expect(TuningSettings().fault == nil)
        var settings = TuningSettings()
        settings.learningRate = .nan
        #expect(try #require(settings.fault).contains("learning-rate"))
        settings = TuningSettings()
        settings.batch = 0
        #expect(try #require(settings.fault).contains("batch"))
        #expect(TuningSettings().totalSteps == 200)
    }
}
