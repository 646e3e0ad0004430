/// Certified bounds of singular values against decompositions.
module MappingNets.Core.Tests.SingularBoundsTests

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
        "Counterexamples: singular values"
        [ property "the certified norm and the certified sigma_min enclose the true ones, closely" (fun random ->
              let rows, columns = random.NextInt64(1L, 30L), random.NextInt64(1L, 30L)
              let unit = Math.Pow(10.0, float (random.Next(-100, 100)))
              let matrix = (uniform random (rows * columns)).view (rows, columns)
              let values = torch.linalg.svdvals(matrix).data<float>().ToArray()
              let norm = SingularBounds.spectralNorm (matrix * unit.ToScalar()) / unit
              Expect.isGreaterThanOrEqual norm (Array.max values * (1.0 - 1e-14)) "at least"
              Expect.isLessThan norm (Array.max values * (1.0 + 1e-6)) "close"

              if rows >= columns && Array.min values > 1e-3 then
                  let lowest =
                      Expect.wantSome (SingularBounds.smallest matrix (LinearMap.ofMatrix matrix)) "sigma_min"

                  Expect.isLessThanOrEqual lowest (Array.min values * (1.0 + 1e-13)) "at most"
                  Expect.isGreaterThan lowest (Array.min values * 0.999) "close")

          test
              "beyond 2^22 entries Cholesky decompositions bound sigma_min, and find none where columns are equal"
              (fun () ->
                  // A known spectrum without a large decomposition: a diagonal on top of zeros, and a reflection.
                  let rows, columns = 80_000L, 60L
                  let values = torch.linspace (0.5, 2.0, columns, dtype = torch.float64)
                  let mirror = direction (Random 2) columns

                  let reflect (v: torch.Tensor) =
                      v - mirror * (2.0.ToScalar() * mirror.dot v)

                  let map (values: torch.Tensor) =
                      { Rows = rows
                        Columns = columns
                        Apply =
                          fun v ->
                              torch.cat (
                                  [| values * reflect v; torch.zeros (rows - columns, dtype = torch.float64) |],
                                  0L
                              )
                        TransposeApply = fun u -> reflect (values * u.narrow (0L, 0L, columns)) }

                  let found =
                      Expect.wantSome (SingularBounds.smallest mirror (map values)) "sigma_min"

                  Expect.isLessThanOrEqual found 0.5 "at most"
                  Expect.isGreaterThan found 0.35 "within a factor of sqrt 2"
                  let singular = values.clone ()
                  singular.narrow(0L, 3L, 1L).zero_ () |> ignore
                  Expect.isNone (SingularBounds.smallest mirror (map singular)) "singular")

          test "of a map that puts out no numbers nothing is established, at any size" (fun () ->
              let rows, columns = 5_000L, 1_000L

              for value in [ nan; infinity ] do
                  let filled (count: int64) =
                      torch.full ([| count |], value.ToScalar(), dtype = torch.float64)

                  let map =
                      { Rows = rows
                        Columns = columns
                        Apply = fun _ -> filled rows
                        TransposeApply = fun _ -> filled columns }

                  Expect.isNone (SingularBounds.smallest (scalar 0.0) map) $"{value}, large"
                  let small = LinearMap.ofMatrix ((filled 6L).view (3L, 2L))
                  Expect.isNone (SingularBounds.smallest (scalar 0.0) small) $"{value}, small")

          test "a singular matrix has no smallest value above 0" (fun () ->
              let matrix = (uniform (Random 2) 20L).view (5L, 4L)
              matrix.select(1L, 1L).copy_ (matrix.select (1L, 3L)) |> ignore
              Expect.isNone (SingularBounds.smallest matrix (LinearMap.ofMatrix matrix)) "equal columns"

              Expect.isNone
                  (SingularBounds.smallest matrix (LinearMap.ofMatrix (matrix.t ())))
                  "more columns than rows"

              Expect.equal (SingularBounds.spectralNorm (torch.zeros_like matrix)) 0.0 "0") ]
