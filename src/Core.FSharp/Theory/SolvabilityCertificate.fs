namespace MappingNets.Core

open TorchSharp
open MappingNets

type GlobalMethod =
    | GaussNewton
    | GradientDescent

type SolvabilityOptions =
    { Method: GlobalMethod
      MaximumIterations: int
      Tolerance: float
      LeastSquaresIterations: int
      SpectrumSteps: int
      Delta: float option
      RemainderConstant: float option }

type RemainderSource =
    | ClosedForm
    | Stated
    | Unknown

type SolvabilityAssumptions =
    { RemainderConstant: float option
      Source: RemainderSource
      Radius: float }

type SolvabilityEstimates =
    { Singular: SingularValues
      ContractionFactor: float
      Order: float option
      ObservedRemainder: float }

type SolvabilityFacts =
    { SmallestSingular: float option
      LinearStepConverged: bool
      ReachableError: float option
      PartsStatus: BoundStatus
      Rounding: float
      Residual: float
      Reachable: torch.Tensor
      Unreachable: torch.Tensor
      ReachableNorm: float
      UnreachableNorm: float
      FirstStepRemainder: float
      QuadraticBound: float option
      QuadraticBoundHeld: bool option
      FixedPointResidual: float
      Displacement: float
      DisplacementBound: float option
      DisplacementBoundHeld: bool option
      Distance: float
      StationaryResidual: float }

type SolvabilityPhase =
    { Latent: torch.Tensor
      Residuals: float[]
      StepLengths: float[]
      Converged: bool
      LinearStepsConverged: bool }

type SolvabilityCertificate =
    { Latent: torch.Tensor
      Local: SolvabilityPhase
      Global: SolvabilityPhase
      Assumptions: SolvabilityAssumptions
      Estimates: SolvabilityEstimates
      Facts: SolvabilityFacts }
