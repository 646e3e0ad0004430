namespace MappingNets.Core

open System
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
      StationaryResidual: float
      HasConverged: bool }

type SolvabilityPhase =
    { Latent: torch.Tensor
      Residuals: float[]
      StepLengths: float[]
      Converged: bool
      LinearStepsConverged: bool }

[<StructuredFormatDisplay("{Text}")>]
type SolvabilityCertificate =
    { Latent: torch.Tensor
      Local: SolvabilityPhase
      Global: SolvabilityPhase
      Assumptions: SolvabilityAssumptions
      Estimates: SolvabilityEstimates
      Facts: SolvabilityFacts }

    member private certificate.Text = certificate.ToString()

    override certificate.ToString() =
        let facts, assumed, estimated =
            certificate.Facts, certificate.Assumptions, certificate.Estimates

        let known missing (value: float option) =
            match value with
            | Some value -> FormattableString.Invariant $"{value:g4}"
            | None -> missing

        let ended (phase: SolvabilityPhase) =
            let steps = phase.StepLengths.Length

            let end' =
                if not phase.Converged then "not converged"
                elif phase.LinearStepsConverged then "converged"
                else "converged by unfinished least squares"

            $"{steps} steps, {end'}"

        let smallest = known "not established" facts.SmallestSingular
        let quadratic = known "unknown" facts.QuadraticBound
        let remainder = known "unknown" assumed.RemainderConstant
        let status = facts.PartsStatus.ToString().ToLowerInvariant()

        String.Join(
            "\n",
            [ FormattableString.Invariant
                  $"||r|| = {facts.Residual:g4}: reachable {facts.ReachableNorm:g4}, unreachable {facts.UnreachableNorm:g4} ({status}); ||g(z*) - theta*|| = {facts.Distance:g4}"
              FormattableString.Invariant
                  $"  sigma_min(A) >= {smallest}, estimated {estimated.Singular.Smallest:g4} to {estimated.Singular.Largest:g4}"
              FormattableString.Invariant
                  $"  first step leaves {facts.FirstStepRemainder:g4}, bound {quadratic}; C_2 = {remainder} ({assumed.Source})"
              FormattableString.Invariant
                  $"  ||z* - z_0|| = {facts.Displacement:g4}; local: {ended certificate.Local}; global: {ended certificate.Global}" ]
        )
