namespace MappingNets.Core

open System
open TorchSharp

module SingularBounds =

    /// At least ||G|| of each matrix of a batch (b, n, n), shape (b), by k squarings.
    let rec gramIteration squarings (grams: torch.Tensor) : torch.Tensor =
        let columns = float grams.shape[1]

        let frobenius (matrices: torch.Tensor) =
            matrices.square().sum([| 1L; 2L |]).sqrt ()
            * (1.0 + Rounding.gamma (columns * columns + 4.0)).ToScalar()

        let size = frobenius grams

        if squarings = 0 then
            size
        else
            let scaled = grams / size.clamp_min(1e-300.ToScalar()).view (-1L, 1L, 1L)
            let share = frobenius scaled
            let squared = gramIteration (squarings - 1) (scaled.transpose(1L, 2L).bmm scaled)
            let error = share.square () * (Rounding.gamma (columns + 8.0)).ToScalar()
            let divided = share * (2.0 * Rounding.unit).ToScalar()

            size
            * ((squared + error).sqrt () + divided)
            * (1.0 + Rounding.gamma 16.0).ToScalar()

    let private precise (tensor: torch.Tensor) =
        tensor.detach().cpu().to_type torch.float64

    let spectralNorm (matrix: torch.Tensor) =
        requireMatrix (nameof matrix) matrix
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let matrix = precise matrix
        let rows, columns = matrix.shape[0], matrix.shape[1]
        let largest = matrix.abs().max().ToDouble()

        if largest = 0.0 then
            0.0
        else
            // Neither overflow nor underflow may spoil the squares.
            let power = Math.ScaleB(1.0, Math.ILogB largest)
            let scaled = matrix / power.ToScalar()

            let gram =
                if rows < columns then
                    scaled.mm (scaled.t ())
                else
                    scaled.t().mm scaled

            let size = Rounding.frobeniusAbove scaled
            let error = Rounding.gamma (float (max rows columns) + 4.0) * size * size
            let squarings = if min rows columns <= 256L then 24 else 12
            let squared = (gramIteration squarings (gram.unsqueeze 0L)).ToDouble()
            Rounding.raised 8.0 (power * sqrt (squared + error))

    let private largestStored = 1L <<< 22
    let private largestProducts = 1L <<< 28
    let private largestColumns = 4096L

    /// sigma_min of a stored matrix from an approximate left inverse, and its Frobenius norm from above.
    let private byLeftInverse (matrix: torch.Tensor) =
        let isFinite (tensor: torch.Tensor) = tensor.isfinite().all().ToBoolean()

        let inverse =
            if isFinite matrix then
                torch.linalg.pinv (matrix, rtol = 0.0)
            else
                matrix

        if not (isFinite inverse) then
            None
        else
            let columns = matrix.shape[1]

            let defect =
                inverse.mm matrix
                - torch.eye (columns, dtype = torch.float64, device = matrix.device)

            let error =
                Rounding.frobeniusAbove defect
                + Rounding.gamma (float matrix.shape[0] + 8.0)
                  * (Rounding.frobeniusAbove inverse * Rounding.frobeniusAbove matrix + 1.0)

            let size = spectralNorm inverse

            if error < 1.0 && size > 0.0 then
                Some(struct ((1.0 - error) / size * (1.0 - Rounding.gamma 8.0), Rounding.frobeniusAbove matrix))
            else
                None

    let errorBack error (map: LinearMap) =
        let sums = float (map.Rows + map.Columns) + 64.0
        error * max 1.0 (sums / (2.0 * float map.Columns + 64.0))

    /// sigma_min from Cholesky decompositions of A^T A - s I, and the Frobenius norm from above.
    let private byCholesky (like: torch.Tensor) error (map: LinearMap) =
        let columns = map.Columns
        let unit = torch.zeros (columns, dtype = torch.float64, device = like.device)
        let gram = torch.empty ([| columns; columns |], dtype = torch.float64)
        let mutable squared = 0.0

        for column in 0L .. columns - 1L do
            use inner = torch.NewDisposeScope()
            unit.zero_().narrow(0L, column, 1L).fill_ (1.0.ToScalar()) |> ignore
            let image = map.Apply unit
            squared <- squared + (image.dot image).ToDouble()
            gram[column].copy_ (map.TransposeApply image) |> ignore

        let symmetric = (gram + gram.t ()) * 0.5.ToScalar()
        let trace = Rounding.raised (float (map.Rows + columns)) squared
        // Each product with A and with A^T sums at most m + n numbers, each made in a few operations.
        let formed = Rounding.gamma (2.0 * float (map.Rows + columns) + 64.0) * trace
        let decomposed = Rounding.gamma (float columns + 4.0) * trace * 2.0
        // What A^T A is off by where A's products are: ||A|| times their error, once for each of the two products.
        let inexact = Rounding.raised 8.0 (2.0 * errorBack error map * (sqrt trace + error))
        let lost = formed + decomposed + inexact

        let succeeds (shift: float) =
            use inner = torch.NewDisposeScope()

            let shifted =
                symmetric - torch.eye (columns, dtype = torch.float64) * shift.ToScalar()

            let struct (_, info) = torch.linalg.cholesky_ex (shifted, check_errors = false)
            info.ToInt32() = 0

        // From the mean squared singular value down, by factors of two, then once between the last two.
        let rec search shift =
            if shift <= 2.0 * lost then None
            elif succeeds shift then Some shift
            else search (shift / 2.0)

        // Halving what is not a number, or is infinite, would never end.
        (if Double.IsFinite trace then
             search (trace / float columns)
         else
             None)
        |> Option.map (fun shift -> if succeeds (shift * 1.5) then shift * 1.5 else shift)
        |> Option.map (fun shift ->
            struct (sqrt ((shift - lost) * (1.0 - Rounding.gamma 8.0)), Rounding.raised 4.0 (sqrt trace)))

    let smallestAndFrobenius (like: torch.Tensor) error (map: LinearMap) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        if map.Rows < map.Columns then
            None
        elif map.Rows * map.Columns <= largestStored then
            let precise = torch.zeros (1L, dtype = torch.float64, device = like.device)

            byLeftInverse (LinearMap.toMatrix precise map)
            |> Option.map (fun struct (lowest, size) -> struct ((lowest - error) * (1.0 - Rounding.gamma 4.0), size))
        elif map.Columns <= largestColumns && map.Rows * map.Columns <= largestProducts then
            byCholesky like error map
        else
            None

    let smallest like map =
        smallestAndFrobenius like 0.0 map
        |> Option.map (fun struct (smallest, _) -> smallest)
