module MappingNets.Core.Tests.LinearizationTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

[<Tests>]
let tests =
    testList
        "Linearization"
        [ property "A = J_omega B + J_z is the Jacobian of g, its transpose included" (fun random ->
              let mapping = mapping random
              let latent = uniform random (int64 mapping.LatentCount)
              let at = Linearization.at mapping latent
              let truth = Differentiation.jacobian (fun z -> mapping.Generate z) latent
              same "g" (mapping.Generate latent) at.Value
              same "A" truth (LinearMap.toMatrix latent at.Jacobian)

              let parts =
                  LinearMap.toMatrix latent at.ThroughWeights
                  + LinearMap.toMatrix latent at.ThroughLatent

              same "J_omega B + J_z" truth parts
              let covector = uniform random mapping.Layout.Count
              same "A^T u" (truth.t().mv covector) (at.Jacobian.TransposeApply covector)

              for part in [ at.ThroughWeights; at.ThroughLatent ] do
                  let matrix = LinearMap.toMatrix latent part
                  same "the part's transpose" (matrix.t().mv covector) (part.TransposeApply covector))

          test "the parts are those of the theorem: omega held still, and z held still" (fun () ->
              for modulation in
                  [ AdditiveModulation 0.4
                    linearModulation (Random 2) (curved MappingActivation.Tanh NoModulation 40L 5).Layout 5 0.3
                    swirl ] do
                  use mapping = curved MappingActivation.Tanh modulation 40L 5
                  let z0 = startOf mapping
                  let at = Linearization.at mapping z0
                  let piece = mapping.Pieces[0]

                  let bias =
                      mapping.PreActivation z0
                      - piece.FixedWeights.Apply z0
                      - Modulation.shift modulation z0

                  let scales = mapping.ScaleVector z0

                  /// M(y) x, the two roles of the latent apart.
                  let modulated (y: torch.Tensor) (x: torch.Tensor) =
                      match modulation with
                      | AdditiveModulation strength -> y.dot x * strength.ToScalar()
                      | LinearModulation map -> map.matmul(y).mv x
                      | CustomModulation custom -> custom.Apply y x
                      | NoModulation -> torch.zeros_like scales

                  let generate y x =
                      (piece.FixedWeights.Apply x + modulated y x + bias).tanh () * scales

                  let throughWeights = Differentiation.jacobian (fun y -> generate y z0) z0
                  let throughLatent = Differentiation.jacobian (fun x -> generate z0 x) z0
                  same "J_omega B" throughWeights (LinearMap.toMatrix z0 at.ThroughWeights)
                  same "J_z" throughLatent (LinearMap.toMatrix z0 at.ThroughLatent)) ]
