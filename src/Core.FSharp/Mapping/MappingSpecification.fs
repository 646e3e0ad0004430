namespace MappingNets.Core

type Activation =
    | Identity
    | Tanh
    | Sine

type BiasRule =
    | ZeroBias
    | UniformBias

type ScaleRule =
    | FanInScale of gain: float
    | ExplicitScale of scales: float[]

type LatentStart =
    | ZeroStart
    | UniformStart of amplitude: float

type MappingSpecification =
    { Split: LatentSplit
      FixedWeights: FixedWeightsKind
      Seed: uint64
      Modulations: Modulation[]
      Activation: Activation
      Bias: BiasRule
      Scale: ScaleRule
      TrainableScale: bool
      Start: LatentStart }
