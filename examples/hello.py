facts = image_info(image="coffee.png")
print("the photograph:", facts)

colour = mean_color(image="coffee.png")
print("its mean colour:", colour["name"])

megapixels = calculate(expression=f"{facts['width']} * {facts['height']} / 1000000")
final_answer({"megapixels": megapixels["result"], "colour": colour["name"]})
