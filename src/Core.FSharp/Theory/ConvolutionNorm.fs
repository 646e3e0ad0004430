/// The spectral norm of convolutions as operators on whole images, bounded from above.
///
/// A convolution that is padded with zeros is a part (some rows, some columns) of the same convolution on a torus that is large enough for no
/// window to meet the image twice. A part is never larger than the whole, and the whole is diagonal in frequencies: its norm is the largest ||K(w)||,
/// K(w) = sum_t K_t exp(-i w t) a matrix (outputs, inputs), over the torus's frequencies. A stride s is a stride of 1 on blocks of s by s pixels.
module internal MappingNets.Core.ConvolutionNorm

open System
open TorchSharp

/// From this side on the frequencies of the torus give way to a grid of so many: a trigonometric polynomial of degree q is at most
/// 1 / cos(pi q / M) times its largest value on M > 2 q equidistant points (Ehlich and Zeller, 1964).
let private gridSide = 32L

/// At most so many entries of frequency matrices at a time.
let private chunk = 1L <<< 23

/// At most so many multiplications for all frequencies' matrices and one squaring of their Gram matrices; larger convolutions keep the bound of
/// their reshaped kernel.
let private affordable = 2e10

/// What a cosine and a sine cost, in multiplications.
let private wave = 32.0

/// The kernel (O, C, h, w) of stride s as one of stride 1 on blocks: (O, C s s, ceil(h / s), ceil(w / s)).
let private onBlocks (stride: int64) (weight: torch.Tensor) =
    let upTo size = (size + stride - 1L) / stride * stride

    let outputs, inputs, height, width =
        weight.shape[0], weight.shape[1], weight.shape[2], weight.shape[3]

    let padded =
        torch.zeros ([| outputs; inputs; upTo height; upTo width |], dtype = weight.dtype)

    padded.narrow(2L, 0L, height).narrow(3L, 0L, width).copy_ weight |> ignore

    padded
        .view(outputs, inputs, upTo height / stride, stride, upTo width / stride, stride)
        .permute(0L, 1L, 3L, 5L, 2L, 4L)
        .reshape (outputs, inputs * stride * stride, upTo height / stride, upTo width / stride)

/// How many frequencies of a side, and what the largest value among them has to be multiplied by.
let private frequencies (side: int64) (stride: int64) (taps: int64) =
    // Blocks that hold pixels, whatever the alignment, and the windows that hang over their edge.
    let torus = (side + stride - 2L) / stride + 1L + taps - 1L

    if torus <= gridSide || 2L * taps > gridSide then
        struct (torus, 1.0)
    else
        struct (gridSide, 1.0 / cos (Math.PI * float (taps - 1L) / (2.0 * float gridSide)))

/// cos and sin of w t for frequencies (j, k) and taps (a, b): (taps, frequencies) each.
let private waves (pairs: struct (int64 * int64)[]) (rows: int64) (columns: int64) (height: int64) (width: int64) =
    let angles =
        Array2D.init (int (height * width)) pairs.Length (fun tap frequency ->
            let struct (j, k) = pairs[frequency]
            let a, b = int64 tap / width, int64 tap % width

            2.0
            * Math.PI
            * (float (j * a % rows) / float rows + float (k * b % columns) / float columns))

    let angles = torch.tensor (angles, dtype = torch.float64)
    struct (angles.cos (), angles.sin ())

/// At least the norm of each frequency's matrix, as 2 m by 2 n real ones.
let private norms squarings (kernel: torch.Tensor) (waves: struct (torch.Tensor * torch.Tensor)) =
    let outputs, inputs, taps =
        kernel.shape[0], kernel.shape[1], kernel.shape[2] * kernel.shape[3]

    let flat = kernel.reshape (outputs * inputs, taps)
    let struct (cosines, sines) = waves

    let part (wave: torch.Tensor) =
        flat.mm(wave).view(outputs, inputs, -1L).permute (2L, 0L, 1L)

    let real, imaginary = part cosines, part sines

    let matrix =
        torch.cat (
            [| torch.cat ([| real; imaginary |], 2L)
               torch.cat ([| -imaginary; real |], 2L) |],
            1L
        )

    let transposed = matrix.transpose (1L, 2L)

    let gram =
        if outputs <= inputs then
            matrix.bmm transposed
        else
            transposed.bmm matrix

    let squaredSize = matrix.square().sum [| 1L; 2L |]

    let product =
        squaredSize
        * (Rounding.gamma (2.0 * float (max outputs inputs) + 16.0)).ToScalar()

    // Of each entry: a sum over the taps of products with cosines that are right to a few units.
    let sizes = flat.square().sum([| 0L |]).sqrt().sum().ToDouble()
    let transform = 2.0 * (Rounding.gamma (float taps + 32.0)) * sizes

    (SingularBounds.gramIteration squarings gram + product).sqrt ()
    + transform.ToScalar()

/// At least the norm of the convolution with this weight (O, C, h, w), in double precision, of a stride, as an operator on images of height and width;
/// infinite where it costs too much to find.
let above (weight: torch.Tensor) (height: int64) (width: int64) (stride: int64) =
    use scope = torch.NewDisposeScope()
    let largest = weight.abs().max().ToDouble()
    // Neither overflow nor underflow may spoil the squares: among frequencies that are no numbers, the others would pass for the largest.
    let unit =
        if largest = 0.0 then
            1.0
        else
            Math.ScaleB(1.0, Math.ILogB largest)

    let kernel = onBlocks stride (weight / unit.ToScalar())
    let struct (rows, rowFactor) = frequencies height stride kernel.shape[2]
    let struct (columns, columnFactor) = frequencies width stride kernel.shape[3]
    let side = 2L * min kernel.shape[0] kernel.shape[1]

    let channels = kernel.shape[0] * kernel.shape[1]
    let taps = kernel.shape[2] * kernel.shape[3]

    let work =
        float (rows / 2L + 1L)
        * float columns
        * (float side * float side * float side + float taps * (float channels + wave))

    if work > affordable then
        infinity
    else
        // K(-w) is K(w)'s conjugate, so half of them suffice.
        let pairs =
            [| for j in 0L .. rows / 2L do
                   for k in 0L .. columns - 1L -> struct (j, k) |]

        let entries = 4L * channels + side * side + 4L * taps
        let size = int (max 1L (chunk / entries))

        let bounds squarings (pairs: struct (int64 * int64)[]) =
            pairs
            |> Array.chunkBySize size
            |> Array.collect (fun some ->
                use inner = torch.NewDisposeScope()

                (norms squarings kernel (waves some rows columns kernel.shape[2] kernel.shape[3]))
                    .data<float>()
                    .ToArray())

        let coarse = bounds 3 pairs
        // Too large by at most side^(1/32): whatever is below the largest by more cannot be it.
        let least = Array.max coarse / Math.Pow(float side, 1.0 / 32.0)
        let isClose = coarse |> Array.map (fun bound -> bound >= least)
        let close = Array.zip pairs isClose |> Array.filter snd |> Array.map fst
        let others = Array.zip coarse isClose |> Array.filter (snd >> not) |> Array.map fst
        let largest = Array.append others (bounds 12 close) |> Array.max
        Rounding.raised 16.0 (largest * unit * rowFactor * columnFactor)
